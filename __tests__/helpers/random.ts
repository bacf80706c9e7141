import { Random } from '../../bench/sim/random';

/** Random numbers for a test. The report of a failed test shows the seed: `SEED=7 npx jest <file>` repeats it. */
export function seeded(): Random {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.info(`SEED=${seed} (${expect.getState().currentTestName ?? 'no test'})`);
  return new Random(seed);
}
