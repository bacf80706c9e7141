import fc from 'fast-check';
import type { Pair } from './pair';
import { play } from './play';
import { history } from './steps';

/** Steps that all histories of a run have together: about 50,000 here, 1,000,000 in `npm run soak`. */
export const STEPS = Number(process.env['STEPS'] ?? 50_000);
/** `SEED` plays a run again, and `FC_PATH` the one history of it that failed, made as short as it got. */
export const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const { FC_PATH } = process.env;
/** Histories before it is looked at whether there were enough steps; fewer will do for few steps. */
const HISTORIES = Math.min(100, Math.ceil(STEPS / 500));

/** Plays random histories until `share` of all steps have been taken. */
export async function checkHistories<Setup>(
  share: number,
  setups: fc.Arbitrary<Setup>,
  makePair: (setup: Setup) => Pair,
): Promise<void> {
  let taken = 0;
  for (let seed = SEED; taken < share * STEPS; seed++) {
    const property = fc.asyncProperty(setups, history, async (setup, steps) => {
      taken += steps.length;
      await play(makePair(setup), steps);
    });
    await fc.assert(property, {
      seed,
      numRuns: HISTORIES,
      ...(FC_PATH !== undefined && { path: FC_PATH, endOnFailure: true }),
    });
    if (FC_PATH !== undefined) return;
  }
}
