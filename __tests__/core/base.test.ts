import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import { systemClock } from '../../lib/internal/clock';
import { turn, watch } from '../helpers/watch';

describe('every limiter', () => {
  it('shows its name and numbers to util.inspect', () => {
    const semaphore = new Semaphore(3, { name: 'api' });
    semaphore.tryAcquire();
    expect(inspect(semaphore)).toBe("Semaphore { name: 'api', permits: 3, held: 1, waiting: 0 }");
    const keyed = new KeyedSemaphore(() => new Semaphore(2, { queueLimit: 5, maxWaitMs: 7 }));
    expect([keyed.queueLimit, keyed.maxWaitMs]).toEqual([0, 0]);
    for (const key of ['a', 'b']) keyed.tryAcquire(key);
    expect(inspect(keyed)).toBe('KeyedSemaphore { permits: 4, held: 2, waiting: 0 }');
    expect([keyed.available, keyed.queueLimit, keyed.maxWaitMs, keyed.closed]).toEqual([2, 10, 7, false]);
    expect(inspect(new AdaptiveSemaphore())).toMatch(
      /^AdaptiveSemaphore { permits: \d+, held: 0, waiting: 0 }$/,
    );
  });

  it('is not cloneable, and its stats are', () => {
    const limiters = [new Semaphore(3), new AdaptiveSemaphore(), new KeyedSemaphore(() => new Semaphore(1))];
    for (const limiter of limiters) {
      expect(() => structuredClone(limiter)).toThrow('a limiter of express-semaphore');
      expect(structuredClone(limiter.stats())).toEqual(limiter.stats());
    }
  });

  it('counts a tryAcquire that finds no permit as a rejection', () => {
    const semaphore = new Semaphore(1);
    semaphore.tryAcquire();
    expect(semaphore.tryAcquire()).toBeUndefined();
    expect(semaphore.stats().rejected.ERR_SEMAPHORE_WAIT_TIMEOUT).toBe(1);
  });

  it('does not start work whose signal has aborted since the grant', async () => {
    const semaphore = new Semaphore(1);
    const leaving = new AbortController();
    const work = jest.fn();
    const run = watch(semaphore.run(work, { signal: leaving.signal }));
    leaving.abort('gone');
    await turn();
    expect([run.reason, work.mock.calls.length, semaphore.held]).toEqual(['gone', 0, 0]);
  });
});

describe('idle()', () => {
  it('returns one promise to all who wait, and ends with a signal', async () => {
    const semaphore = new Semaphore(1);
    const permit = semaphore.tryAcquire();
    expect(semaphore.idle()).toBe(semaphore.idle());
    const leaving = new AbortController();
    const { signal } = new AbortController();
    const [ended, waiting] = [
      watch(semaphore.idle({ signal: leaving.signal })),
      watch(semaphore.idle({ signal })),
    ];
    leaving.abort('gone');
    await turn();
    expect([ended.reason, waiting.state]).toEqual(['gone', 'pending']);
    expect(getEventListeners(leaving.signal, 'abort')).toEqual([]);
    permit?.release();
    await turn();
    expect(waiting.state).toBe('fulfilled');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await semaphore.idle({ signal: new AbortController().signal });
  });
});

describe('hold', () => {
  it('frees the permit and leaves a rejection unhandled that nobody handles', async () => {
    const args = ['--import', 'tsx', join(__dirname, 'hold-unhandled.ts')];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual({ reason: 'the export failed', held: 0 });
  });
});

describe('the system clock', () => {
  it('sets a background timer on a platform whose timers are numbers', () => {
    const setTimer = jest.spyOn(globalThis, 'setTimeout').mockReturnValue(7 as unknown as NodeJS.Timeout);
    expect(systemClock.setTimer(() => undefined, 10, true)).toBe(7);
    setTimer.mockRestore();
  });
});
