import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'express-semaphore-'));
  await mkdir(join(dir, 'scripts'));
  await cp(join(ROOT, 'scripts/check-release.mjs'), join(dir, 'scripts/check-release.mjs'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('a tag', () => {
  it('may become a release if the package, the lock file and the changelog are at its version', async () => {
    await state('1.2.3', '1.2.3', '## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n## [1.2.2] - 2026-01-30\n');
    expect(check('v1.2.3')).toEqual({ status: 0, said: '' });
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
  ])('may not if %s is not there yet', async (_, manifest, lock, changelog, complaint) => {
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

describe('the workflows', () => {
  it.each(['ci', 'release'])('%s runs scripts that exist', async (name) => {
    const workflow = await readFile(join(ROOT, `.github/workflows/${name}.yml`), 'utf8');
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const named = Array.from(workflow.matchAll(/npm run ([\w:-]+)/g), ([, script = '']) => script);
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });
});

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
