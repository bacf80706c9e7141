// Builds the dashboard's page, dist/dashboard/page.js: one document with its style and its script inside, as a module that
// the package loads. Its policy lets nothing run but what has the hashes that stand beside it.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const source = 'lib/dashboard/page';
const { outputFiles } = await build({
  entryPoints: [`${source}/page.css`, `${source}/main.ts`],
  outdir: '.',
  bundle: true,
  minify: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  legalComments: 'inline',
  banner: { js: `/*! Contains uPlot: ${readFileSync('node_modules/uplot/LICENSE', 'utf8')}*/` },
});
const style = built('.css');
const script = built('.js');
const html = readFileSync(`${source}/page.html`, 'utf8')
  .replace('<!-- style -->', () => `<style>${style}</style>`)
  .replace('<!-- script -->', () => `<script type="module">${script}</script>`);
const page = { html, style: hashOf(style), script: hashOf(script) };

mkdirSync('dist/dashboard', { recursive: true });
// Other processes may load the old page at this moment, and must not find half of the new one.
const written = `dist/dashboard/page.${process.pid}.tmp`;
writeFileSync(written, `module.exports = ${JSON.stringify(page)};\n`);
renameSync(written, 'dist/dashboard/page.js');

function built(end) {
  return outputFiles.find(({ path }) => path.endsWith(end)).text;
}

function hashOf(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
