import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { programsOf, programWith } from './markdown';
import { ROOT, RunningProgram } from './program';

const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
const readme = { path: 'README.md', text };

it('is short: at most 220 visible lines and 1,200 words', () => {
  const words = text.replace(/\]\([^)]*\)/g, ']').split(/\s+/);
  expect(text.split('\n').length).toBeLessThanOrEqual(221);
  expect(words.filter((word) => /\w/.test(word)).length).toBeLessThanOrEqual(1_200);
});

it('has no hidden text', () => {
  expect(text).not.toContain('<!--');
});

it.each(programsOf(readme).filter(({ code }) => !code.includes('class Orders')))(
  'is plain JavaScript, so it runs when pasted, without a decorator: $name',
  async ({ code }) => {
    await expect(transform(code, { loader: 'js' })).resolves.toBeDefined();
  },
);

describe('the first example', () => {
  const program = programWith(readme, 'limit(reports), async');

  it('serves what it can, and answers the other requests at once', async () => {
    await using app = await RunningProgram.start(program);
    const responses = await Promise.all(Array.from({ length: 100 }, () => app.fetch('/reports')));
    const statuses = responses.map(({ status }) => status);
    const served = statuses.filter((status) => status === 200).length;
    expect(served).toBeGreaterThanOrEqual(3);
    expect(served).toBeLessThan(100);
    for (const rejected of responses.filter(({ status }) => status !== 200)) {
      expect(rejected.status).toBe(503);
      expect(Number(rejected.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      // On a slow machine, some of them have waited for one second.
      const code = expect.stringMatching(/^ERR_SEMAPHORE_(QUEUE_FULL|WAIT_TIMEOUT|WAIT_TOO_LONG)$/) as string;
      expect(await rejected.json()).toMatchObject({ status: 503, code });
    }
  });
});

it('limits a whole app, and not its health check', async () => {
  await using app = await RunningProgram.start(programWith(readme, "'/health'"));
  expect(await app.call('/health')).toBe('200 ok');
  const headers = { 'content-type': 'application/json' };
  expect(await app.call('/orders', { method: 'POST', headers, body: '{"item":"tea"}' })).toBe(
    '201 {"item":"tea"}',
  );
});

it('limits routes that share a semaphore', async () => {
  await using app = await RunningProgram.start(programWith(readme, "'/search'"));
  expect(await app.call('/search')).toBe('200 found');
  expect(await app.call('/suggest')).toBe('200 perhaps');
});

it('limits each user, and answers 401 to anonymous users', async () => {
  await using app = await RunningProgram.start(programWith(readme, "'secret-1'"));
  expect(await app.call('/')).toBe('401 Unauthorized');
  expect(await app.call('/', { headers: { 'x-api-token': 'secret-1' } })).toBe('200 hello');
});

it('limits functions and methods', async () => {
  await using program = await RunningProgram.start(programWith(readme, 'class Orders'));
  await program.end();
  expect(program.output).toBe("user 1 order 2\nresult\n[ 'row 1', 'row 2' ]\n");
});

it('cancels work, and counts work that outlives its response', async () => {
  await using app = await RunningProgram.start(programWith(readme, '.hold(work)'));
  expect(await app.call('/export')).toBe('200 rows');
  expect(await app.call('/export', { method: 'POST' })).toBe('202 Accepted');
});
