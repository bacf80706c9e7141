// Builds dist/: one CommonJS build by the compiler, and an ES module face for each entry of package.json's `exports`.
// The faces re-export that one build, so both kinds of importer share the same classes and state.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });

const require = createRequire(import.meta.url);
const { status } = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', 'lib'], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(1);
await import('./build-page.mjs');

const { exports: entries } = JSON.parse(readFileSync('package.json', 'utf8'));
for (const entry of Object.values(entries)) {
  if (typeof entry === 'string') continue;
  const build = entry.require.default;
  // Named one by one, as `export *` would let out the compiler's own `__esModule`, too.
  const names = Object.keys(require(resolve(build))).join(', ');
  writeFileSync(entry.import.default, `export { ${names} } from './${basename(build)}';\n`);
  writeFileSync(entry.import.types, `export * from './${basename(build)}';\n`);
}
