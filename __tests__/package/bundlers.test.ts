import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { withBundlers } from '../helpers/needs';
import { node, pack, project } from './project';

jest.setTimeout(300_000);

const BUNDLERS = join(__dirname, 'bundlers');
const PRINTED = 'ran 200 true function\n';

let dir: string;
/** A project that has the package installed, and a program to bundle. */
let app: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'express-semaphore-'));
  app = join(dir, 'app');
  await project(app, await pack(dir), []);
  await cp(join(BUNDLERS, 'main.mjs'), join(app, 'main.mjs'));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

it.each(['esm', 'cjs'] as const)('a bundle of esbuild in format %s runs', async (format) => {
  const outfile = join(app, format === 'esm' ? 'esbuild.mjs' : 'esbuild.cjs');
  await build({ entryPoints: [join(app, 'main.mjs')], outfile, bundle: true, platform: 'node', format });
  expect(await node(app, outfile)).toBe(PRINTED);
});

withBundlers.it.each(['rollup', 'webpack', 'vite'])('a bundle of %s runs', async (bundler) => {
  await node(app, join(BUNDLERS, 'bundle.mjs'), bundler, app);
  expect(await node(app, join(app, `${bundler}.mjs`))).toBe(PRINTED);
});
