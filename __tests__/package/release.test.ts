import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

const ROOT = join(__dirname, '../..');

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly needs?: string;
  readonly uses?: string;
  readonly container?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'express-semaphore-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('a tag', () => {
  beforeEach(async () => {
    await mkdir(join(dir, 'scripts'));
    await cp(join(ROOT, 'scripts/check-release.mjs'), join(dir, 'scripts/check-release.mjs'));
    git('init', '--quiet');
    commit('first');
    git('update-ref', 'refs/remotes/origin/main', 'HEAD');
  });

  it('may become a release when the package, the lock file and the changelog name its version', async () => {
    await state('1.2.3', '1.2.3', '## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n## [1.2.2] - 2026-01-30\n');
    expect(check('v1.2.3')).toEqual({ status: 0, said: '' });
  });

  it('is rejected when its commit is not on main', async () => {
    await state('1.2.3', '1.2.3', '## [1.2.3] - 2026-01-31');
    commit('elsewhere');
    expect(check('v1.2.3')).toEqual({ status: 1, said: 'the tagged commit is not on main\n' });
  });

  it.each([
    [
      'the package',
      '1.2.2',
      '1.2.3',
      '## [1.2.3] - 2026-01-31',
      'package.json is at 1.2.2, the tag is v1.2.3',
    ],
    ['the lock file', '1.2.3', '1.2.2', '## [1.2.3] - 2026-01-31', 'package-lock.json is at 1.2.2, the tag'],
    ['the changelog', '1.2.3', '1.2.3', '## [1.2.2] - 2026-01-31', 'CHANGELOG.md is at 1.2.2, the tag is'],
    ['a date', '1.2.3', '1.2.3', '## [1.2.3]', 'CHANGELOG.md is at no dated version, the tag is v1.2.3'],
  ])('is rejected when %s is behind', async (_, manifest, lock, changelog, complaint) => {
    await state(manifest, lock, changelog);
    const { status, said } = check('v1.2.3');
    expect(status).toBe(1);
    expect(said).toContain(complaint);
  });

  it('must be given', async () => {
    await state('1.2.3', '1.2.3', '## [1.2.3] - 2026-01-31');
    expect(check().said).toContain('package.json is at 1.2.3, the tag is missing');
  });
});

describe.each(['ci', 'release', 'pages'])('the workflow %s', (name) => {
  it('runs scripts that exist', async () => {
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const named = Array.from(
      (await textOf(name)).matchAll(/npm run ([\w:-]+)/g),
      ([, script = '']) => script,
    );
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });

  it('pins actions by commit and containers by digest, each with its version', async () => {
    const lines = (await textOf(name))
      .split('\n')
      .filter((line) => /\buses: (?!\.\/)|\bcontainer: /.test(line));
    expect(lines.length).toBeGreaterThan(1);
    expect(
      lines.filter((line) => !/@(sha256:[0-9a-f]{64}|[0-9a-f]{40}) # v?\d+\.\d+\.\d+$/.test(line)),
    ).toEqual([]);
  });
});

describe('the documentation site', () => {
  it('is published by a job that runs no code of the repository', async () => {
    const { permissions, jobs } = await workflow('pages');
    expect(permissions).toEqual({ contents: 'read' });
    const privileged = Object.entries(jobs).filter(([, job]) => job.permissions !== undefined);
    expect(privileged.map(([name, { permissions: own }]) => [name, own])).toEqual([
      ['deploy', { pages: 'write', 'id-token': 'write' }],
    ]);
    const steps = privileged[0]?.[1].steps ?? [];
    expect(steps.map(({ run, uses = '' }) => run ?? uses.split('@')[0])).toEqual(['actions/deploy-pages']);
  });
});

describe('the release', () => {
  it('gives the right to publish to one job, which builds nothing and runs no install script', async () => {
    const { permissions, jobs } = await workflow('release');
    expect(permissions).toEqual({ contents: 'read' });
    const privileged = Object.entries(jobs).filter(([, job]) => job.permissions !== undefined);
    expect(privileged.map(([name]) => name)).toEqual(['publish']);
    const { permissions: own, steps = [] } = privileged[0]?.[1] ?? {};
    expect(own).toEqual({ 'id-token': 'write' });
    expect(steps.flatMap(({ uses = '' }) => uses.split('@')[0])).not.toContain('actions/checkout');
    expect(steps.flatMap(({ run = [] }) => run)).toEqual([
      'echo "$SHA256  package.tgz" | sha256sum --check',
      'npm publish ./package.tgz --provenance --access public --ignore-scripts',
    ]);
  });

  it('publishes only what is tagged on main, has passed CI and was packed after that', async () => {
    const { jobs } = await workflow('release');
    expect(Object.entries(jobs).map(([name, { needs }]) => [name, needs])).toEqual([
      ['tag', undefined],
      ['check', 'tag'],
      ['pack', 'check'],
      ['publish', 'pack'],
    ]);
    expect(jobs['tag']?.steps?.flatMap(({ run = [] }) => run)).toEqual([
      'node scripts/check-release.mjs "$GITHUB_REF_NAME"',
    ]);
    expect(jobs['check']?.uses).toBe('./.github/workflows/ci.yml');
  });

  it('names the repository that it runs in before anything is packed', async () => {
    const steps = (await workflow('release')).jobs['pack']?.steps ?? [];
    const names = steps.map(({ name }) => name);
    expect(names.indexOf('Name the repository')).toBeLessThan(names.indexOf('Pack'));
    const script = steps.find(({ name }) => name === 'Name the repository')?.run ?? '';
    await writeFile(join(dir, 'package.json'), '{}');
    const env = {
      ...process.env,
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_REPOSITORY: 'someone/fork',
    };
    execFileSync('bash', ['-e', '-c', script], { cwd: dir, env });
    expect(JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'))).toEqual({
      repository: { type: 'git', url: 'git+https://github.com/someone/fork.git' },
      bugs: { url: 'https://github.com/someone/fork/issues' },
      homepage: 'https://github.com/someone/fork#readme',
    });
  });
});

async function textOf(name: string): Promise<string> {
  return readFile(join(ROOT, `.github/workflows/${name}.yml`), 'utf8');
}

async function workflow(name: string): Promise<Workflow> {
  return parse(await textOf(name)) as Workflow;
}

async function state(manifest: string, lock: string, changelog: string): Promise<void> {
  await writeFile(join(dir, 'package.json'), JSON.stringify({ version: manifest }));
  await writeFile(join(dir, 'package-lock.json'), JSON.stringify({ version: lock }));
  await writeFile(join(dir, 'CHANGELOG.md'), changelog);
}

function check(...tag: string[]): { status: number | null; said: string } {
  const script = join(dir, 'scripts/check-release.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, ...tag], { encoding: 'utf8' });
  return { status, said: stderr };
}

function commit(message: string): void {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
  git(...who, 'commit', '--quiet', '--allow-empty', '--message', message);
}

function git(...args: string[]): void {
  execFileSync('git', args, { cwd: dir });
}
