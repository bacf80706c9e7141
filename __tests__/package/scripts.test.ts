import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const ROOT = join(__dirname, '../..');

describe('the parts of the tests', () => {
  const printed = execFileSync(
    process.execPath,
    ['--eval', "import('./scripts/test-part.mjs').then(({ PARTS }) => console.log(JSON.stringify(PARTS)))"],
    { cwd: ROOT, encoding: 'utf8' },
  );
  const parts = JSON.parse(printed) as Record<string, string[]>;

  it('hold each test file once', () => {
    const files = readdirSync(join(ROOT, '__tests__'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.test.ts'),
    );
    const holders = (file: string) =>
      Object.values(parts)
        .flat()
        .filter((path) => file.startsWith(path));
    expect(files.filter((file) => holders(file).length !== 1)).toEqual([]);
  });

  it('are the jobs of the CI', () => {
    const { jobs } = parse(readFileSync(join(ROOT, '.github/workflows/ci.yml'), 'utf8')) as {
      jobs: { test: { strategy: { matrix: { part: string[] } } } };
    };
    expect(jobs.test.strategy.matrix.part).toEqual(Object.keys(parts));
  });
});

it.each([
  ['scripts/demo.mjs', 'npm run demo has no "nothing". It takes: fleet'],
  ['scripts/soak.mjs', 'npm run soak has no "nothing". It takes: models, faults, redis'],
  ['scripts/test-part.mjs', 'npm run test:part has no "nothing". It takes: unit, http, hosts'],
  ['bench/main.mjs', 'npm run bench has no "nothing". It takes: all, uncontended'],
])('%s names what it takes when an argument is unknown', (script, message) => {
  const { status, stderr } = spawnSync(process.execPath, [script, 'nothing'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

it.each([
  ['scripts/demo.mjs', 'fleet'],
  ['scripts/soak.mjs', 'redis'],
])('%s says in one line how to get a missing Redis', (script, ...args) => {
  const { status, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { PATH: '' },
  });
  expect(status).toBe(1);
  expect(stderr).toBe('Skipped: this needs redis-server. "npm run setup" installs it on Debian.\n');
});
