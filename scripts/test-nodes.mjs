// Runs the unit and HTTP tests on each supported Node line, or on those named: node scripts/test-nodes.mjs 24.15.0 26
// Each comes from the npm package `node`.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

/** 24.15.0 is the last of its line on which a response behind others says nothing of its end. */
const LINES = ['20', '22', '24.15.0', '24', '26'];
const FOLDERS = ['adaptive', 'core', 'decorators', 'hosts', 'http', 'keyed', 'metrics', 'models', 'queue'];

const asked = process.argv.slice(2);
const results = [];
for (const line of asked.length > 0 ? asked : LINES) results.push(await testOn(line));
for (const { line, passed, summary } of results)
  console.log(`Node ${line}: ${passed ? 'passed' : 'FAILED'}; ${summary}`);
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;

async function testOn(line) {
  const jest = [
    'node',
    'node_modules/jest/bin/jest.js',
    '--coverage=false',
    ...FOLDERS.map((folder) => `__tests__/${folder}/`),
  ];
  const run = spawn('npx', ['-y', '-p', `node@${line}`, ...jest], { stdio: ['ignore', 'inherit', 'pipe'] });
  let summary = 'Jest did not come to its end';
  run.stderr.setEncoding('utf8').on('data', (text) => {
    process.stderr.write(text);
    summary = /^Tests: +(.*)$/m.exec(text)?.[1] ?? summary;
  });
  const status = await new Promise((resolve) => run.once('close', resolve));
  return { line, passed: status === 0, summary };
}
