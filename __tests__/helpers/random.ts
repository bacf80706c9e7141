import { Random } from '../../bench/sim/random';

/** Random numbers for a test; when it fails, `SEED=<the seed printed>` makes them come again. */
export function seeded(): Random {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  process.stderr.write(`SEED=${seed} (${expect.getState().currentTestName ?? 'no test'})\n`);
  return new Random(seed);
}
