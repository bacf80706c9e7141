import { CONTENDERS, IMPOSTORS } from '../../bench/sim/contenders';
import { faults } from '../../bench/sim/criteria';
import { PHASES, shortened } from '../../bench/sim/phases';
import { simulate } from '../../bench/sim/simulate';
import type { MakeLimiter, PhaseResult } from '../../bench/sim/simulate';

/** The phases that separate good limits from bad ones. Those with slow changes keep their length. */
const SHORT = PHASES.filter(({ name }) => ['warm', '2x', '5x', 'recovery'].includes(name));
const SLOW = PHASES.filter(({ name }) =>
  ['warm', 'slow thread', 'recovery', 'slow dependency'].includes(name),
);

async function faultsIn(makers: Readonly<Record<string, MakeLimiter>>, name: string): Promise<string[]> {
  const make = makers[name];
  if (make === undefined) throw new Error(`there is no contender ${name}`);
  return faults([...(await simulate(make, shortened(SHORT, 4))), ...(await simulate(make, SLOW))]);
}

// A simulation takes seconds of processor time, and a busy machine gives it little.
jest.setTimeout(600_000);

describe('the simulated overload', () => {
  it.each(['gradient', 'vegas', 'aimd'])('finds no fault in %s', async (name) => {
    expect(await faultsIn(CONTENDERS, name)).toEqual([]);
  });

  it.each(Object.keys(IMPOSTORS))('finds faults in a limit that is %s', async (name) => {
    expect(await faultsIn(IMPOSTORS, name)).not.toEqual([]);
  });

  it('gives the same results for the same seed', async () => {
    const figures = (results: PhaseResult[]) =>
      results.map(({ total: { offered, good, rejected, latencies } }) => [
        offered,
        good,
        rejected,
        latencies,
      ]);
    const run = async (seed: number) =>
      figures(await simulate(CONTENDERS['gradient'] ?? (() => undefined), shortened(SHORT, 20), seed));
    expect(await run(7)).toEqual(await run(7));
    expect(await run(7)).not.toEqual(await run(8));
  });
});
