// Runs the tests that need no other server and no browser on each supported Node version: `npm run test:nodes`.
// `npm run test:nodes -- 24.15.0 26` runs those that are named. Each Node comes from the npm package `node`.
import { spawn } from 'node:child_process';
import { ROOT } from './run.mjs';
import { pathsOf } from './test-part.mjs';

/** 24.15.0 is the last 24 in which a pipelined response that is not the head never emits `close`. */
const VERSIONS = ['20', '22', '24.15.0', '24', '26'];

const wanted = process.argv.slice(2);
const results = [];
for (const version of wanted.length > 0 ? wanted : VERSIONS) results.push(await testOn(version));
for (const { version, passed, summary } of results)
  console.log(`Node ${version}: ${passed ? 'passed' : 'FAILED'}; ${summary}`);
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;

async function testOn(version) {
  const jest = [
    'node',
    'node_modules/jest/bin/jest.js',
    '--coverage=false',
    ...pathsOf('unit', 'http', 'hosts'),
  ];
  const tests = spawn('npx', ['-y', '-p', `node@${version}`, ...jest], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let summary = 'Jest did not finish';
  tests.stderr.setEncoding('utf8').on('data', (text) => {
    process.stderr.write(text);
    summary = /^Tests: +(.*)$/m.exec(text)?.[1] ?? summary;
  });
  const status = await new Promise((resolve) => tests.once('close', resolve));
  return { version, passed: status === 0, summary };
}
