import fc from 'fast-check';
import { AdaptivePair } from './adaptive-pair';
import { checkHistories, SEED } from './check-histories';
import { AdaptiveLifoModel, FairModel, FifoModel, LifoModel, PriorityModel } from './queue-model';
import { SemaphorePair } from './semaphore-pair';
import type { SemaphoreSetup } from './semaphore-pair';

type OrderSetup = Pick<SemaphoreSetup, 'order' | 'queue' | 'reserved'>;

const ORDERS: [name: string, setups: fc.Arbitrary<OrderSetup>][] = [
  ['first in, first out', fc.constant({ order: 'fifo', queue: () => new FifoModel(), reserved: 0 })],
  ['last in, first out', fc.constant({ order: 'lifo', queue: () => new LifoModel(), reserved: 0 })],
  [
    'adaptively last in, first out',
    fc.record({ targetMs: fc.nat({ max: 8 }), intervalMs: fc.nat({ max: 20 }) }).map((limits) => ({
      order: { name: 'adaptive-lifo', ...limits },
      queue: () => new AdaptiveLifoModel(limits.targetMs, limits.intervalMs),
      reserved: 0,
    })),
  ],
  [
    'by priority',
    fc.record({ ageMs: fc.constantFrom(Infinity, 2, 8), reserved: fc.nat({ max: 3 }) }).map((options) => ({
      order: { name: 'priority', ...options },
      queue: () => new PriorityModel(options.ageMs),
      reserved: options.reserved,
    })),
  ],
  [
    'fairly among flows',
    fc.constantFrom(1, 2).map((least) => {
      const share = (flow: string) => least + flow.length;
      return { order: { name: 'fair', share }, queue: () => new FairModel(share), reserved: 0 };
    }),
  ],
];

const sizes = fc.record({
  permits: fc.integer({ min: 1, max: 4 }),
  queueLimit: fc.constantFrom(Infinity, Infinity, 0, 1, 2, 4),
  maxWaitMs: fc.constantFrom(Infinity, Infinity, 20),
});

describe(`any history of a semaphore (SEED=${SEED})`, () => {
  it.each(ORDERS)('matches its model, serving %s', async (_name, orders) => {
    const setups = fc.tuple(sizes, orders).map(([size, order]) => ({ ...size, ...order }));
    await checkHistories(0.12, setups, (setup) => new SemaphorePair(setup));
  });

  it.each(ORDERS)('matches its model with an adaptive limit, serving %s', async (_name, orders) => {
    const setups = fc.tuple(sizes, orders).map(([size, order]) => ({ ...size, ...order }));
    await checkHistories(0.04, setups, (setup) => new AdaptivePair(setup));
  });
});
