// Builds the dashboard's page: one document with its style and its script inside, as a module that the package loads. Its
// policy lets nothing run but what has the hashes that stand beside it.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const SOURCE = 'lib/dashboard/page';

/** Writes `dist/dashboard/page.js`. */
export async function buildPage() {
  const { outputFiles } = await build({
    entryPoints: [`${SOURCE}/page.css`, `${SOURCE}/main.ts`],
    outdir: '.',
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    legalComments: 'inline',
    banner: { js: `/*! Contains uPlot: ${readFileSync('node_modules/uplot/LICENSE', 'utf8')}*/` },
  });
  const textOf = (end) => outputFiles.find(({ path }) => path.endsWith(end)).text;
  const style = textOf('.css');
  const script = textOf('.js');
  const html = readFileSync(`${SOURCE}/page.html`, 'utf8')
    .replace('<!-- style -->', () => `<style>${style}</style>`)
    .replace('<!-- script -->', () => `<script type="module">${script}</script>`);
  mkdirSync('dist/dashboard', { recursive: true });
  writeFileSync(
    'dist/dashboard/page.js',
    `module.exports = ${JSON.stringify({ html, style: hashOf(style), script: hashOf(script) })};\n`,
  );
}

function hashOf(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
