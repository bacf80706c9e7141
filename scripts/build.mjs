// Builds dist/: one CommonJS build by the compiler, and an ES module face for each entry of package.json's `exports`.
// The faces re-export that one build, so both kinds of importer share the same classes and state.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });

const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', 'lib'], { stdio: 'inherit' });
if (status !== 0) process.exit(1);

const { exports: entries } = JSON.parse(readFileSync('package.json', 'utf8'));
for (const entry of Object.values(entries)) {
  if (typeof entry === 'string') continue;
  const face = `export * from './${basename(entry.require.default)}';\n`;
  writeFileSync(entry.import.default, face);
  writeFileSync(entry.import.types, face);
}
