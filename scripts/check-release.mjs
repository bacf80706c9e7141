// Checks that a tag may become a release: `node scripts/check-release.mjs v1.2.3`
// package.json, the lock file and the newest dated section of the changelog name that version. The commit is on main.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [tag = ''] = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path) => readFileSync(`${root}/${path}`, 'utf8');

const newest = /^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$/m.exec(read('CHANGELOG.md'))?.[1];
const named = {
  'package.json': JSON.parse(read('package.json')).version,
  'package-lock.json': JSON.parse(read('package-lock.json')).version,
  'CHANGELOG.md': newest,
};

for (const [file, version] of Object.entries(named)) {
  if (tag === `v${version}`) continue;
  fail(`${file} is at ${version ?? 'no dated version'}, the tag is ${tag || 'missing'}`);
}
const { status } = spawnSync('git', ['merge-base', '--is-ancestor', 'HEAD', 'origin/main'], { cwd: root });
if (status !== 0) fail('the tagged commit is not on main');

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}
