// Whether a tag may become a release: node scripts/check-release.mjs v1.2.3
// package.json, the lock file and the newest dated section of the changelog must name that version.
import { readFileSync } from 'node:fs';

const [tag = ''] = process.argv.slice(2);
const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

const newest = /^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$/m.exec(read('CHANGELOG.md'))?.[1];
const named = {
  'package.json': JSON.parse(read('package.json')).version,
  'package-lock.json': JSON.parse(read('package-lock.json')).version,
  'CHANGELOG.md': newest,
};

for (const [file, version] of Object.entries(named)) {
  if (tag === `v${version}`) continue;
  console.error(`${file} is at ${version ?? 'no dated version'}, the tag is ${tag || 'missing'}`);
  process.exitCode = 1;
}
