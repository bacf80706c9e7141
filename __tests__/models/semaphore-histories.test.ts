import fc from 'fast-check';
import { AdaptiveGate } from './adaptive-gate';
import { checkHistories, SEED } from './check-histories';
import { AdaptiveLifoModel, FairModel, FifoModel, LifoModel, PriorityModel } from './queue-model';
import { SemaphoreGate } from './semaphore-gate';
import type { SemaphoreSetup } from './semaphore-gate';

type OrderSetup = Pick<SemaphoreSetup, 'order' | 'line' | 'reserved'>;

const ORDERS: [name: string, setups: fc.Arbitrary<OrderSetup>][] = [
  ['first in, first out', fc.constant({ order: 'fifo', line: () => new FifoModel(), reserved: 0 })],
  ['last in, first out', fc.constant({ order: 'lifo', line: () => new LifoModel(), reserved: 0 })],
  [
    'adaptively last in, first out',
    fc.record({ targetMs: fc.nat({ max: 8 }), intervalMs: fc.nat({ max: 20 }) }).map((limits) => ({
      order: { name: 'adaptive-lifo', ...limits },
      line: () => new AdaptiveLifoModel(limits.targetMs, limits.intervalMs),
      reserved: 0,
    })),
  ],
  [
    'by priority',
    fc.record({ ageMs: fc.constantFrom(Infinity, 2, 8), reserved: fc.nat({ max: 3 }) }).map((options) => ({
      order: { name: 'priority', ...options },
      line: () => new PriorityModel(options.ageMs),
      reserved: options.reserved,
    })),
  ],
  [
    'fairly among flows',
    fc.constantFrom(1, 2).map((least) => {
      const share = (flow: string) => least + flow.length;
      return { order: { name: 'fair', share }, line: () => new FairModel(share), reserved: 0 };
    }),
  ],
];

const sizes = fc.record({
  permits: fc.integer({ min: 1, max: 4 }),
  queueLimit: fc.constantFrom(Infinity, Infinity, 0, 1, 2, 4),
  maxWaitMs: fc.constantFrom(Infinity, Infinity, 20),
});

describe(`any history of a semaphore (SEED=${SEED})`, () => {
  it.each(ORDERS)('goes as its model says, serving %s', async (_name, orders) => {
    const setups = fc.tuple(sizes, orders).map(([size, order]) => ({ ...size, ...order }));
    await checkHistories(0.12, setups, (setup) => new SemaphoreGate(setup));
  });

  it.each(ORDERS)('goes as its model says with a limit that adapts, serving %s', async (_name, orders) => {
    const setups = fc.tuple(sizes, orders).map(([size, order]) => ({ ...size, ...order }));
    await checkHistories(0.04, setups, (setup) => new AdaptiveGate(setup));
  });
});
