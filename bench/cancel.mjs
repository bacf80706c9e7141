// Cost of a cancelled wait. Removal is O(1): twice as many waiters take little more than twice as long.
import { Semaphore } from 'express-semaphore';
import { interleave, isMet, measured, ratio, report, smoke, time } from './harness.mjs';

const COUNT = smoke ? 1_000 : 100_000;
const ROUNDS = 5;
const GOAL = '<= 2.5';
/** Without a reason, Node makes an error with a stack for each signal, and that cost would hide ours. */
const REASON = new Error('cancelled');

const one = COUNT.toLocaleString('en');
const two = (2 * COUNT).toLocaleString('en');

const samples = await interleave(
  {
    [`${one}, one shared signal`]: () => cancelAll(COUNT, sharedSignal),
    [`${two}, one shared signal`]: () => cancelAll(2 * COUNT, sharedSignal),
    [`${one}, a signal each`]: () => cancelAll(COUNT, ownSignals),
    [`${two}, a signal each`]: () => cancelAll(2 * COUNT, ownSignals),
  },
  ROUNDS,
);

report(
  'Cancel: every waiter is removed by its signal; ratio to half as many',
  'ms for all',
  Object.entries(samples).map(([subject, own], index, all) => {
    const row = measured(subject, own);
    if (index % 2 === 0) return row;
    const double = ratio(own, all[index - 1][1]);
    return { ...row, ratio: double, target: GOAL, met: isMet(double, GOAL) };
  }),
);

/** Milliseconds from the first abort until every waiter's promise has been rejected. */
async function cancelAll(count, makeControllers) {
  const semaphore = new Semaphore(1);
  semaphore.tryAcquire();
  const controllers = makeControllers(count);
  const allRejected = new Promise((resolve) => {
    let rejected = 0;
    const countRejection = () => {
      if (++rejected === count) resolve();
    };
    for (let i = 0; i < count; i++) {
      semaphore.acquire({ signal: controllers[i % controllers.length].signal }).catch(countRejection);
    }
  });
  const ms = await time(() => {
    for (const controller of controllers) controller.abort(REASON);
    return allRejected;
  });
  if (semaphore.waiting > 0) throw new Error(`${semaphore.waiting} waiters are still queued`);
  return ms;
}

function sharedSignal() {
  return [new AbortController()];
}

function ownSignals(count) {
  return Array.from({ length: count }, () => new AbortController());
}
