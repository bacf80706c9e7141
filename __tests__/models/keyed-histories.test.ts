import fc from 'fast-check';
import { checkHistories, SEED } from './check-histories';
import { KeyedPair } from './keyed-pair';
import { FifoModel, LifoModel } from './queue-model';

const setups = fc
  .record({
    permits: fc.integer({ min: 1, max: 2 }),
    queueLimit: fc.constantFrom(Infinity, Infinity, 0, 1),
    maxWaitMs: fc.constantFrom(Infinity, Infinity, 20),
    maxKeys: fc.integer({ min: 1, max: 4 }),
    idleTtlMs: fc.constantFrom(Infinity, 0, 1, 2, 3, 10, 40),
    isLifo: fc.boolean(),
  })
  .map(({ isLifo, ...sizes }) => ({
    ...sizes,
    reserved: 0,
    order: isLifo ? ('lifo' as const) : ('fifo' as const),
    queue: () => (isLifo ? new LifoModel() : new FifoModel()),
  }));

describe(`any history of keys (SEED=${SEED})`, () => {
  it('has one live limiter for each key, at most maxKeys, and none at the end', async () => {
    await checkHistories(0.2, setups, (setup) => new KeyedPair(setup));
  });
});
