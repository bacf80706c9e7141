import fc from 'fast-check';
import { AdaptivePair } from './adaptive-pair';
import { checkHistories, SEED } from './check-histories';
import { AdaptiveLifoModel, FairModel, FifoModel, LifoModel, PriorityModel } from './queue-model';
import { SemaphorePair } from './semaphore-pair';
import type { SemaphoreSetup } from './semaphore-pair';

interface OrderSetup extends Pick<SemaphoreSetup, 'order' | 'queue' | 'reserved'> {
  readonly leastPermits?: number;
}

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
  [
    'fairly among flows with shares',
    fc.record({ a: shareOfFlow(1), bb: shareOfFlow(2) }).map((shares) => {
      const share = (flow: string) => 1 + flow.length;
      return {
        order: { name: 'fair', share, shares },
        queue: () => new FairModel(share, shares),
        reserved: 0,
        leastPermits: shares.a.min + shares.bb.min,
      };
    }),
  ],
];

function shareOfFlow(mostMin: number) {
  return fc.record({ min: fc.nat({ max: mostMin }), max: fc.constantFrom(2, 3, Infinity) });
}

const sizes = fc.record({
  permits: fc.integer({ min: 1, max: 4 }),
  queueLimit: fc.constantFrom(Infinity, Infinity, 0, 1, 2, 4),
  maxWaitMs: fc.constantFrom(Infinity, Infinity, 20),
});

function setupsOf(orders: fc.Arbitrary<OrderSetup>): fc.Arbitrary<SemaphoreSetup> {
  return fc.tuple(sizes, orders).map(([size, order]) => {
    return { ...size, ...order, permits: Math.max(size.permits, order.leastPermits ?? 1) };
  });
}

describe(`any history of a semaphore (SEED=${SEED})`, () => {
  it.each(ORDERS)('matches its model, serving %s', async (_name, orders) => {
    const setups = setupsOf(orders);
    await checkHistories(0.12, setups, (setup) => new SemaphorePair(setup));
  });

  it.each(ORDERS)('matches its model with an adaptive limit, serving %s', async (_name, orders) => {
    const setups = setupsOf(orders);
    await checkHistories(0.04, setups, (setup) => new AdaptivePair(setup));
  });
});
