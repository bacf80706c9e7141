import { CONTENDERS, IMPOSTORS } from '../../bench/sim/contenders';
import { faults } from '../../bench/sim/criteria';
import { PHASES, shortened } from '../../bench/sim/phases';
import { simulate } from '../../bench/sim/simulate';
import type { MakeLimiter, PhaseResult } from '../../bench/sim/simulate';

/** The phases that tell good from bad, in a quarter of their time; what is slow to change keeps its own. */
const SHORT = PHASES.filter(({ name }) => ['warm', '2x', '5x', 'recovery'].includes(name));
const SLOW = PHASES.filter(({ name }) =>
  ['warm', 'slow thread', 'recovery', 'slow dependency'].includes(name),
);

async function faultsIn(makers: Readonly<Record<string, MakeLimiter>>, name: string): Promise<string[]> {
  const make = makers[name];
  if (make === undefined) throw new Error(`nobody is called ${name}`);
  return faults([...(await simulate(make, shortened(SHORT, 4))), ...(await simulate(make, SLOW))]);
}

describe('the simulated overload', () => {
  it.each(['gradient', 'vegas'])('is survived by %s', async (name) => {
    expect(await faultsIn(CONTENDERS, name)).toEqual([]);
  });

  it.each(Object.keys(IMPOSTORS))('is not survived by a limit that is %s', async (name) => {
    expect(await faultsIn(IMPOSTORS, name)).not.toEqual([]);
  });

  it('comes again, event for event, from the same seed', async () => {
    const tell = (results: PhaseResult[]) =>
      results.map(({ total: { offered, good, refused, latencies } }) => [offered, good, refused, latencies]);
    const run = async (seed: number) =>
      tell(await simulate(CONTENDERS['gradient'] ?? (() => undefined), shortened(SHORT, 20), seed));
    expect(await run(7)).toEqual(await run(7));
    expect(await run(7)).not.toEqual(await run(8));
  });
});
