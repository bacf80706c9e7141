// Bundles main.mjs and the package, from a project where the package is installed: `node bundle.mjs <bundler> <project>`.
import { join } from 'node:path';

const [, , name, project] = process.argv;
process.chdir(project);
const input = join(project, 'main.mjs');

const BUNDLERS = {
  async rollup() {
    const { rollup } = await import('rollup');
    const { default: commonjs } = await import('@rollup/plugin-commonjs');
    const { default: resolve } = await import('@rollup/plugin-node-resolve');
    const bundle = await rollup({ input, plugins: [resolve({ preferBuiltins: true }), commonjs()] });
    await bundle.write({ file: 'rollup.mjs', format: 'esm' });
  },
  async webpack() {
    const { default: webpack } = await import('webpack');
    const options = { mode: 'production', target: 'node20', entry: input };
    const output = { path: project, filename: 'webpack.mjs', module: true };
    const compiler = webpack({ ...options, experiments: { outputModule: true }, output });
    await new Promise((resolve, reject) => {
      compiler.run((error, stats) => {
        if (error !== null || stats.hasErrors()) reject(error ?? new Error(stats.toString()));
        else resolve();
      });
    });
  },
  async vite() {
    const { build } = await import('vite');
    const output = { entryFileNames: 'vite.mjs' };
    await build({
      root: project,
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true },
      build: { ssr: input, outDir: project, emptyOutDir: false, rollupOptions: { output } },
    });
  },
};

await BUNDLERS[name]();
