// Checks types, lint rules and format: `npm run lint`. `npm run lint -- --fix` corrects what a tool can correct.
import { ROOT, run } from './run.mjs';

const isFix = process.argv.includes('--fix');
const PROJECTS = ['.', 'lib/dashboard/page', '__tests__/types/legacy', '__tests__/hosts', 'examples'];

const checks = [
  ['prettier/bin/prettier.cjs', isFix ? '--write' : '--check', '--log-level', 'warn', '.'],
  ['eslint/bin/eslint.js', ...(isFix ? ['--fix'] : []), '.'],
  ...PROJECTS.map((project) => ['typescript/bin/tsc', '--noEmit', '--project', project]),
];

for (const [tool, ...args] of checks) {
  const isClean = run(`${ROOT}/node_modules/${tool}`, args);
  if (!isClean) process.exitCode = 1;
  console.log(`${isClean ? 'passed' : 'FAILED'}: ${[tool.split('/')[0], ...args].join(' ')}`);
}
