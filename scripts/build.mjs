// Builds dist/: declarations by the compiler, CommonJS by the bundler, and an ES module face for each entry of package.json's
// `exports`. A face re-exports the CommonJS build, so `require` and `import` share the same classes and state.
//
// Node loads one file an entry and one that all entries share. Sixty small files took more than twice as long to load.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const PAGE = 'dist/dashboard/page.js';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });

const require = createRequire(import.meta.url);
const { status } = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', 'lib'], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(1);
await import('./build-page.mjs');

const { exports: all } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.values(all).filter((entry) => typeof entry !== 'string');
await bundle(entries.map((entry) => entry.require.default));
for (const entry of entries) {
  const built = entry.require.default;
  // Named one by one: `export *` would also export the bundler's `__esModule`.
  const names = Object.keys(require(resolve(built))).join(', ');
  writeFileSync(entry.import.default, `export { ${names} } from './${basename(built)}';\n`);
  writeFileSync(entry.import.types, `export * from './${basename(built)}';\n`);
}

/**
 * Writes each bundle twice: as CommonJS, which Node runs, and as an ES module in dist/esm/, which only bundlers use (the
 * condition `module`): a bundle in ES module format cannot call `require`. The main entry is one file, because between
 * files each use of a name costs as much as a permit.
 */
async function bundle([main, ...others]) {
  // esbuild shares code between entries only as ES modules.
  const { outputFiles } = await build({
    entryPoints: [sourceOf(main), ...others.map(sourceOf)],
    outdir: 'dist',
    outbase: 'lib',
    bundle: true,
    splitting: true,
    treeShaking: false,
    chunkNames: 'shared-[hash]',
    inject: [sourceOf(main)],
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    external: [`*/${PAGE}`],
    define: { require: 'nodeRequire' },
    sourcemap: 'inline',
    write: false,
  });
  for (const { path, text } of outputFiles) {
    await writeCommonJs(path, text);
    await writeModule(join('dist/esm', relative('dist', path)), text);
  }
}

async function writeCommonJs(path, text) {
  const { code, map } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // Modules are strict by themselves.
    banner: '"use strict";',
    define: { nodeRequire: 'require' },
    sourcemap: 'external',
    sourcefile: basename(path),
  });
  writeFileSync(path, `${lazily(code)}//# sourceMappingURL=${basename(path)}.map\n`);
  writeFileSync(`${path}.map`, map);
}

/**
 * Loads a dependency on first use: other entries share the main entry's file and do not need its dependencies. Lines stay
 * where they are, for the source map.
 */
function lazily(code) {
  return code.replace(
    /var (import_\w+) = __toESM\(require\("([\w.-]+)"\)\);/g,
    'var $1 = { get default() { var it = __toESM(require("$2")).default; Object.defineProperty(this, "default", { value: it }); return it; } };',
  );
}

/** The page of the dashboard, which CommonJS loads when somebody opens it, is an import here. */
async function writeModule(path, text) {
  const page = relative(dirname(path), PAGE);
  const code = text
    .replace(/\n\/\/# sourceMappingURL=.*\n$/, '\n')
    .replace(/^(?:import|export) .*?from "\.{1,2}\/.*?\.js"/gms, (line) => line.replace(/\.js"$/, '.mjs"'))
    .replace(/nodeRequire\(".*?\/page\.js"\)/, '$page');
  const header = !code.includes('$page') ? '' : `import $page from "${page}";\n`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path.replace(/js$/, 'mjs'), `${header}${code}`);
}

function sourceOf(built) {
  return built.replace('./dist/', 'lib/').replace(/js$/, 'ts');
}
