// Builds dist/: declarations by the compiler, CommonJS by the bundler, and an ES module face for each entry of package.json's
// `exports`. The faces re-export that one build, so both kinds of importer share the same classes and state.
//
// What is loaded is a file an entry and one that they share: sixty small files took more than twice as long to load.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

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
  // Named one by one, as `export *` would let out the bundler's own `__esModule`, too.
  const names = Object.keys(require(resolve(built))).join(', ');
  writeFileSync(entry.import.default, `export { ${names} } from './${basename(built)}';\n`);
  writeFileSync(entry.import.types, `export * from './${basename(built)}';\n`);
}

/**
 * The bundler shares code between entries only as ES modules, so these are turned into CommonJS one by one. All that the
 * main entry has is in one file, whoever loads it: between files each use of a name costs as much as a permit.
 */
async function bundle([main, ...others]) {
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
    external: ['*/dist/dashboard/page.js'],
    define: { require: 'nodeRequire' },
    sourcemap: 'inline',
    write: false,
  });
  for (const { path, text } of outputFiles) {
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
    writeFileSync(path, `${code}//# sourceMappingURL=${basename(path)}.map\n`);
    writeFileSync(`${path}.map`, map);
  }
}

function sourceOf(built) {
  return built.replace('./dist/', 'lib/').replace(/js$/, 'ts');
}
