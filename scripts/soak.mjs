// Runs the randomised tests at length: `npm run soak` runs all parts, `npm run soak redis` those that are named.
// Each run has a fresh seed. `SEED=7 npm run soak models` repeats one; `STEPS=1000` sets the number of steps.
import { exitWithUsage, isInstalled, ROOT, run } from './run.mjs';

const PARTS = {
  models: (args) => runTests('__tests__/models/', 1_000_000, args),
  faults: (args) => runTests('__tests__/faults/', 20_000, args),
  redis: (args) =>
    isInstalled('redis-server') && run('__tests__/redis/soak/run.ts', ['--seed', String(seed), ...args]),
};

const seed = process.env.SEED ?? Math.floor(Math.random() * 2 ** 31);
const all = process.argv.slice(2);
const firstOption = all.findIndex((arg) => arg.startsWith('-'));
const names = firstOption < 0 ? all : all.slice(0, firstOption);
const options = firstOption < 0 ? [] : all.slice(firstOption);

const unknown = names.find((name) => !(name in PARTS));
if (unknown !== undefined) exitWithUsage('soak', Object.keys(PARTS), unknown);
for (const name of names.length > 0 ? names : Object.keys(PARTS)) {
  const started = performance.now();
  console.log(`== ${name}: SEED=${seed}`);
  if (!PARTS[name](options)) process.exitCode = 1;
  console.log(`== ${name}: ${Math.round((performance.now() - started) / 1_000)} s`);
}

/** Runs tests of Jest. A test finds its seed and its number of steps in the environment. */
function runTests(path, steps, args) {
  const env = { SEED: String(seed), STEPS: process.env.STEPS ?? String(steps) };
  const jest = `${ROOT}/node_modules/jest/bin/jest.js`;
  return run(
    jest,
    ['--coverage=false', '--reporters=default', '--verbose', '--testTimeout=3600000', path, ...args],
    env,
  );
}
