// The randomised tests at length: `npm run soak` runs each part with a fresh seed, `SEED=7 npm run soak` plays one again,
// `STEPS=1000 npm run soak` makes it another length. A test finds both in its environment.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Tests of Jest, and how many steps of their own kind each is to take. */
const PARTS = [
  { name: 'histories beside their models', tests: '__tests__/models/', steps: 1_000_000 },
  { name: 'faults on real sockets', tests: '__tests__/faults/', steps: 20_000 },
];

const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const seed = process.env.SEED ?? String(Math.floor(Math.random() * 2 ** 31));

for (const { name, tests, steps } of PARTS) {
  const env = { ...process.env, SEED: seed, STEPS: process.env.STEPS ?? String(steps) };
  const started = performance.now();
  console.log(`== ${name}: SEED=${env.SEED} STEPS=${env.STEPS}`);
  const { status } = spawnSync(
    process.execPath,
    [jest, '--coverage=false', '--verbose', '--testTimeout=3600000', tests],
    { cwd: fileURLToPath(new URL('..', import.meta.url)), env, stdio: 'inherit' },
  );
  console.log(`== ${name}: ${Math.round((performance.now() - started) / 1_000)} s`);
  if (status !== 0) process.exitCode = 1;
}
