import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import { KeyedSemaphore, Semaphore, WaitTimeoutError } from 'express-semaphore';

const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;

/** Timers that are numbers, as in a browser and in jsdom: a number has no `unref`. */
const timers = new Map<number, NodeJS.Timeout>();

function setNumericTimer(fire: () => void, delayMs: number): number {
  const timer = timers.size + 1;
  timers.set(timer, startTimer(fire, delayMs));
  return timer;
}

function clearNumericTimer(timer: number): void {
  stopTimer(timers.get(timer));
}

describe('where timers are numbers', () => {
  beforeEach(() => {
    Object.assign(globalThis, { setTimeout: setNumericTimer, clearTimeout: clearNumericTimer });
  });
  afterEach(() => {
    Object.assign(globalThis, { setTimeout: startTimer, clearTimeout: stopTimer });
    for (const timer of timers.values()) stopTimer(timer);
    timers.clear();
  });

  it.each([
    ['a Semaphore', () => new Semaphore(1, { warnHeldMs: 60_000 })],
    ['an AdaptiveSemaphore', () => new AdaptiveSemaphore()],
  ])('%s grants and releases', async (_name, make) => {
    const limiter = make();
    await expect(limiter.run(() => 'result')).resolves.toBe('result');
    expect(limiter.held).toBe(0);
  });

  it('a KeyedSemaphore grants, releases and starts the timer of its idle keys', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(1));
    await expect(perUser.run('ann', () => 'result')).resolves.toBe('result');
    expect([perUser.held, timers.size]).toEqual([0, 1]);
  });

  it('a waiter times out', async () => {
    const semaphore = new Semaphore(1);
    semaphore.tryAcquire();
    await expect(semaphore.acquire({ maxWaitMs: 1 })).rejects.toThrow(WaitTimeoutError);
    expect(semaphore.waiting).toBe(0);
  });
});

describe('under the fake timers of Jest', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('a waiter times out and an idle key is evicted when the faked time has passed', async () => {
    const semaphore = new Semaphore(1);
    semaphore.tryAcquire();
    const rejection = expect(semaphore.acquire({ maxWaitMs: 1_000 })).rejects.toThrow(WaitTimeoutError);
    const perUser = new KeyedSemaphore(() => new Semaphore(1), { idleTtlMs: 1_000 });
    perUser.tryAcquire('ann')?.release();
    expect(perUser.size).toBe(1);
    await jest.advanceTimersByTimeAsync(1_001);
    await rejection;
    expect(perUser.size).toBe(0);
  });

  it('stats measure the faked time', () => {
    const semaphore = new Semaphore(1);
    semaphore.stats();
    const permit = semaphore.tryAcquire();
    jest.advanceTimersByTime(50);
    permit?.release();
    expect(semaphore.stats().hold.maxMs).toBe(50);
  });
});
