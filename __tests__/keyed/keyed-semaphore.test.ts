import { ClosedError, KeyedSemaphore, TooManyKeysError, Semaphore } from 'express-semaphore';
import type { KeyedSemaphoreOptions, Limiter } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { defer } from '../helpers/serve';
import { collectWarnings } from '../helpers/warnings';
import { turn, watch } from '../helpers/watch';

afterEach(() => {
  jest.restoreAllMocks();
});

/** A keyed semaphore of one permit a key, with its clock and the limiters it made, by key, latest last. */
function makeKeyed(options?: KeyedSemaphoreOptions) {
  const clock = new FakeClock();
  const made = new Map<string, Semaphore[]>();
  const keyed = new KeyedSemaphore(
    (key) => {
      const limiter = new Semaphore(1, { clock });
      made.set(key, [...(made.get(key) ?? []), limiter]);
      return limiter;
    },
    { clock, ...options },
  );
  return { keyed, clock, made };
}

/** Uses each key once and lets it fall idle. */
function touch(keyed: KeyedSemaphore, ...keys: string[]): void {
  for (const key of keys) keyed.tryAcquire(key)?.release();
}

function keysOf(keyed: KeyedSemaphore): string[] {
  return Array.from(keyed, ([key]) => key).sort();
}

/** Whether a limiter was closed, seen from outside. */
async function isClosed(limiter: Limiter | undefined): Promise<boolean> {
  const rejection = await limiter?.acquire({ maxWaitMs: 0 }).catch((error: unknown) => error);
  return rejection instanceof ClosedError;
}

describe('making a KeyedSemaphore', () => {
  it.each<[options: unknown, error: Error]>([
    [{ maxKeys: 0 }, new RangeError('maxKeys must be an integer of at least 1, got 0')],
    [{ maxKeys: Infinity }, new RangeError('maxKeys must be an integer of at least 1, got Infinity')],
    [{ maxKeys: '9' }, new TypeError('maxKeys must be a number, got "9"')],
    [
      { idleTtlMs: 2 ** 31 },
      new RangeError('idleTtlMs must be 0 to 2147483647 milliseconds or Infinity, got 2147483648'),
    ],
    [{ idleTtlMs: null }, new TypeError('idleTtlMs must be a number, got null')],
  ])('rejects %p and names the option and the value', (options, error) => {
    expect(() => new KeyedSemaphore(() => new Semaphore(1), options as KeyedSemaphoreOptions)).toThrow(error);
  });

  it('rejects a factory that is no function', () => {
    expect(() => new KeyedSemaphore(new Semaphore(1) as never)).toThrow(
      new TypeError('create must be a function, got an object'),
    );
  });

  it('reserves nothing for keys it may never see', () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1), { maxKeys: Number.MAX_SAFE_INTEGER });
    touch(keyed, 'ann');
    expect(keyed.size).toBe(1);
  });

  it('keeps 100,000 keys for a minute unless told otherwise', () => {
    const { keyed, clock } = makeKeyed({ maxKeys: undefined, idleTtlMs: undefined });
    for (let n = 0; n <= 100_000; n++) touch(keyed, `user ${n}`);
    expect(keyed.size).toBe(100_000);
    clock.advance(59_999);
    expect(keyed.size).toBe(100_000);
    clock.advance(1);
    expect(keyed.size).toBe(0);
  });
});

describe('the keys of a KeyedSemaphore', () => {
  it('have one limiter each, and are limited apart', async () => {
    const { keyed, made } = makeKeyed();
    const permit = await keyed.acquire('ann');
    const waiting = watch(keyed.acquire('ann'));
    const other = await keyed.acquire('bob');
    await turn();
    expect(waiting.state).toBe('pending');
    permit.release();
    await turn();
    expect(waiting.state).toBe('fulfilled');
    expect([made.get('ann')?.length, made.get('bob')?.length]).toEqual([1, 1]);
    other.release();
    waiting.value.release();
    await keyed.idle();
    expect(keyed.stats('ann')).toMatchObject({ held: 0, waiting: 0, acquired: 2 });
  });

  it.each(['', '__proto__', 'constructor', 'hasOwnProperty', 'toString', '\u0000', '1', 'x'.repeat(10_240)])(
    'may be any text: %#',
    async (key) => {
      const { keyed, clock } = makeKeyed({ idleTtlMs: 100 });
      expect(keyed.stats(key)).toBeUndefined();
      const permit = await keyed.acquire(key);
      expect(keyed.tryAcquire(key)).toBeUndefined();
      expect(keyed.tryAcquire(`${key} `)).toBeDefined();
      expect(keyed.stats(key)).toMatchObject({ held: 1 });
      permit.release();
      clock.advance(100);
      expect(keyed.stats(key)).toBeUndefined();
      expect(keyed.size).toBe(1);
    },
  );

  it.each<[key: unknown, message: string]>([
    [undefined, 'key must be a string, got undefined'],
    [null, 'key must be a string, got null'],
    [7, 'key must be a string, got 7'],
    [{}, 'key must be a string, got an object'],
  ])('are never %p', async (key, message) => {
    const { keyed, made } = makeKeyed();
    await expect(keyed.acquire(key as string)).rejects.toEqual(new TypeError(message));
    expect(() => keyed.tryAcquire(key as string)).toThrow(new TypeError(message));
    expect([keyed.size, made.size]).toEqual([0, 0]);
  });

  it('are seen by iteration in the order in which they were made, with what their limiters report', async () => {
    const { keyed } = makeKeyed();
    touch(keyed, 'bob');
    const permit = await keyed.acquire('ann');
    touch(keyed, 'bob');
    const seen = new Map(keyed);
    expect([...seen.keys()]).toEqual(['bob', 'ann']);
    expect(seen.get('bob')).toMatchObject({ held: 0, acquired: 2 });
    expect(seen.get('ann')).toMatchObject({ held: 1, acquired: 1 });
    permit.release();
  });

  it('are met once by an iteration that uses them', () => {
    const { keyed } = makeKeyed();
    touch(keyed, 'ann', 'bob', 'cid');
    const seen: string[] = [];
    for (const [key] of keyed) {
      seen.push(key);
      if (seen.length > 10) break;
      touch(keyed, key, `${key} too`);
    }
    expect(seen.sort()).toEqual(['ann', 'bob', 'cid']);
  });
});

describe('what a key passes to its limiter', () => {
  it('is passed on: weight, wait and signal', async () => {
    const clock = new FakeClock();
    const keyed = new KeyedSemaphore(() => new Semaphore(3, { clock }), { clock });
    const caller = new AbortController();
    const permit = await keyed.acquire('ann', { weight: 2, signal: caller.signal });
    expect([permit.weight, permit.signal]).toEqual([2, caller.signal]);
    expect(keyed.tryAcquire('ann', { weight: 2 })).toBeUndefined();
    expect(keyed.tryAcquire('ann')?.weight).toBe(1);
    const late = watch(keyed.acquire('ann', { maxWaitMs: 50 }));
    clock.advance(50);
    await turn();
    expect(late.reason).toMatchObject({ code: 'ERR_SEMAPHORE_WAIT_TIMEOUT' });
    expect(() => keyed.tryAcquire('bob', { weight: 0 })).toThrow(RangeError);
  });

  it('is a permit for as long as work takes that it runs, however that ends', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(2));
    const work = defer<string>();
    const result = keyed.run('ann', (permit) => (permit.weight === 2 ? work.promise : 'light'), {
      weight: 2,
    });
    await turn();
    expect([keyed.stats('ann')?.held, keyed.stats('bob')]).toEqual([2, undefined]);
    work.resolve('done');
    expect(await result).toBe('done');
    const failure = new Error('of the work');
    await expect(keyed.run('ann', () => Promise.reject(failure))).rejects.toBe(failure);
    expect(keyed.stats()).toMatchObject({ held: 0, busyKeys: 0, acquired: 2 });
  });

  it('frees its key although the release of the permit throws', async () => {
    const release = () => {
      throw new Error('of the permit');
    };
    const create = (): Limiter => {
      const permit = new Semaphore(1).tryAcquire();
      return {
        ...makeBroken(),
        tryAcquire: () => permit && Object.defineProperty(permit, 'release', { value: release }),
      };
    };
    const keyed = new KeyedSemaphore(create, { maxKeys: 1 });
    const permit = keyed.tryAcquire('ann');
    expect(() => permit?.release()).toThrow('of the permit');
    await keyed.idle();
    expect(keyed.tryAcquire('bob')).toBeDefined();
  });

  it('passes the outcome of the work to the limiter', () => {
    const outcomes: unknown[] = [];
    const semaphore = new Semaphore(1);
    const limiter: Limiter = {
      tryAcquire: () => {
        const permit = semaphore.tryAcquire();
        if (permit === undefined) return undefined;
        const { release } = permit;
        return Object.defineProperty(permit, 'release', {
          value: (outcome: 'overload') => {
            outcomes.push(outcome);
            release(outcome);
          },
        });
      },
      acquire: (options) => semaphore.acquire(options),
      run: (work, options) => semaphore.run(work, options),
      close: () => undefined,
      idle: () => semaphore.idle(),
      stats: () => semaphore.stats(),
    };
    const keyed = new KeyedSemaphore(() => limiter);
    keyed.tryAcquire('ann')?.release('overload');
    keyed.tryAcquire('ann')?.release();
    expect(outcomes).toEqual(['overload', 'success']);
  });
});

describe('a key in use', () => {
  it('is never evicted nor duplicated, whatever comes', async () => {
    const { keyed, clock, made } = makeKeyed({ maxKeys: 2, idleTtlMs: 100 });
    const permit = await keyed.acquire('ann');
    const waiting = watch(keyed.acquire('ann'));
    for (let n = 0; n < 50; n++) {
      touch(keyed, `stranger ${n}`);
      clock.advance(1_000);
    }
    expect(keyed.tryAcquire('ann')).toBeUndefined();
    expect(made.get('ann')).toHaveLength(1);
    permit.release();
    await turn();
    expect(waiting.state).toBe('fulfilled');
    clock.advance(1_000);
    expect(keyed.stats('ann')).toMatchObject({ held: 1 });
  });

  it('stays while released work is held on to, and while a waiter waits', async () => {
    const clock = new FakeClock();
    const keyed = new KeyedSemaphore(() => new Semaphore(0), { clock, idleTtlMs: 10 });
    const leaving = new AbortController();
    const waiting = watch(keyed.acquire('waits', { signal: leaving.signal }));
    await turn();
    clock.advance(1_000);
    expect(keyed.stats('waits')).toMatchObject({ waiting: 1 });
    leaving.abort();
    await turn();
    expect(waiting.state).toBe('rejected');
    clock.advance(10);
    expect(keyed.size).toBe(0);

    const other = makeKeyed({ idleTtlMs: 10 });
    const work = defer();
    const permit = await other.keyed.acquire('ann');
    permit.hold(work.promise);
    permit.release();
    other.clock.advance(1_000);
    expect(other.keyed.stats('ann')).toMatchObject({ held: 1 });
    work.resolve();
    await other.keyed.idle();
    other.clock.advance(10);
    expect(other.keyed.size).toBe(0);
  });

  it('rejects a new key at once when all keys are in use', async () => {
    const { keyed, made } = makeKeyed({ maxKeys: 2 });
    const permits = [await keyed.acquire('ann'), await keyed.acquire('bob')];
    const rejection = await keyed.acquire('cid').catch((error: unknown) => error);
    expect(rejection).toBeInstanceOf(TooManyKeysError);
    expect(rejection).toMatchObject({
      code: 'ERR_SEMAPHORE_KEY_LIMIT',
      name: 'TooManyKeysError',
      status: 503,
    });
    expect(rejection).toHaveProperty('message', 'too many keys are in use');
    expect(keyed.tryAcquire('cid')).toBeUndefined();
    expect(made.has('cid')).toBe(false);
    expect(keyed.size).toBe(2);
    const waiting = watch(keyed.acquire('bob'));
    permits[0]?.release();
    const cid = keyed.tryAcquire('cid');
    expect(cid).toBeDefined();
    expect(keysOf(keyed)).toEqual(['bob', 'cid']);
    permits[1]?.release();
    await turn();
    expect(waiting.state).toBe('fulfilled');
  });

  it('is unpinned once by a permit that is released twice', async () => {
    const { keyed, clock, made } = makeKeyed({ idleTtlMs: 100 });
    const first = await keyed.acquire('ann');
    first.release();
    const second = await keyed.acquire('ann');
    first.release();
    first[Symbol.dispose]();
    clock.advance(1_000);
    expect(keyed.stats('ann')).toMatchObject({ held: 1 });
    expect(made.get('ann')).toHaveLength(1);
    second.release();
    expect(keyed.stats('ann')).toMatchObject({ held: 0 });
  });

  it('is unpinned after each rejection', async () => {
    const { keyed, clock } = makeKeyed({ idleTtlMs: 100 });
    const permit = await keyed.acquire('ann');
    await expect(keyed.acquire('ann', { maxWaitMs: 0 })).rejects.toThrow('no permit came free in time');
    await expect(keyed.acquire('ann', { weight: 0.5 })).rejects.toThrow(RangeError);
    await expect(keyed.acquire('ann', { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(keyed.tryAcquire('ann')).toBeUndefined();
    expect(() => keyed.tryAcquire('ann', { weight: -1 })).toThrow(RangeError);
    permit.release();
    clock.advance(100);
    expect(keyed.size).toBe(0);
  });
});

describe('an idle key', () => {
  it('leaves when room is needed, the one idle for longest first', async () => {
    const { keyed, made } = makeKeyed({ maxKeys: 3 });
    touch(keyed, 'ann', 'bob', 'cid', 'ann');
    touch(keyed, 'dan');
    expect(keysOf(keyed)).toEqual(['ann', 'cid', 'dan']);
    touch(keyed, 'eve');
    expect(keysOf(keyed)).toEqual(['ann', 'dan', 'eve']);
    expect(await isClosed(made.get('bob')?.[0])).toBe(true);
    expect(await isClosed(made.get('ann')?.[0])).toBe(false);
  });

  it('is evicted idleTtlMs after its last release, not after its first use', async () => {
    const { keyed, clock, made } = makeKeyed({ idleTtlMs: 1_000 });
    const permit = await keyed.acquire('ann');
    clock.advance(5_000);
    permit.release();
    clock.advance(999);
    expect(keyed.size).toBe(1);
    clock.advance(1);
    expect(keyed.size).toBe(0);
    expect(await isClosed(made.get('ann')?.[0])).toBe(true);
  });

  it('does not grow younger by being looked at', () => {
    const { keyed, clock } = makeKeyed({ idleTtlMs: 1_000, maxKeys: 2 });
    touch(keyed, 'ann', 'bob');
    clock.advance(999);
    expect(keyed.stats('ann')).toMatchObject({ acquired: 1 });
    expect(keysOf(keyed)).toEqual(['ann', 'bob']);
    touch(keyed, 'cid');
    expect(keysOf(keyed)).toEqual(['bob', 'cid']);
    clock.advance(1);
    expect(keysOf(keyed)).toEqual(['cid']);
  });

  it('is created again after its eviction, with new stats', async () => {
    const { keyed, clock, made } = makeKeyed({ idleTtlMs: 100 });
    touch(keyed, 'ann', 'ann');
    clock.advance(100);
    const permit = await keyed.acquire('ann');
    expect(made.get('ann')).toHaveLength(2);
    expect(keyed.stats('ann')).toMatchObject({ held: 1, acquired: 1 });
    permit.release();
  });

  it('stays for ever with an endless idleTtlMs, and leaves at once with none', () => {
    const endless = makeKeyed({ idleTtlMs: Infinity });
    touch(endless.keyed, 'ann');
    endless.clock.advance(1e12);
    expect([endless.keyed.size, endless.clock.made]).toEqual([1, 0]);
    const none = makeKeyed({ idleTtlMs: 0 });
    touch(none.keyed, 'ann');
    none.clock.advance(0);
    expect(none.keyed.size).toBe(0);
  });

  it('shares one background timer with all the others, and has none when all are gone', () => {
    const { keyed, clock } = makeKeyed({ idleTtlMs: 1_000 });
    for (let n = 0; n < 1_000; n++) {
      touch(keyed, `user ${n}`);
      if (n % 100 === 0) clock.advance(1);
    }
    expect([clock.timers, clock.foregroundTimers, clock.made]).toEqual([1, 0, 1]);
    touch(keyed, 'user 0');
    clock.advance(999);
    expect([clock.timers, keyed.size]).toEqual([1, 100]);
    clock.advance(1_000);
    expect([clock.timers, keyed.size]).toEqual([0, 0]);
    expect(clock.made).toBeLessThan(15);
    clock.advance(100_000);
    expect(clock.timers).toBe(0);
  });

  it('sets no timer above the longest delay, whatever the time is', () => {
    const { keyed, clock } = makeKeyed({ idleTtlMs: 2 ** 31 - 1 });
    for (let n = 0; n < 200; n++) {
      clock.advance(0.1 + n / 7);
      touch(keyed, 'ann');
      clock.advance(2 ** 31);
      expect(keyed.size).toBe(0);
    }
  });

  it('lets its late cleanup leave a successor alone', async () => {
    const { keyed, clock, made } = makeKeyed({ idleTtlMs: 100, maxKeys: 1 });
    touch(keyed, 'ann');
    clock.advance(50);
    touch(keyed, 'bob');
    const successor = await keyed.acquire('ann').then((permit) => {
      permit.release();
      return made.get('ann')?.at(-1);
    });
    expect(made.get('ann')).toHaveLength(2);
    // The first entry of ann would have been due now.
    clock.advance(50);
    expect(keyed.stats('ann')).toMatchObject({ acquired: 1 });
    expect(await isClosed(successor)).toBe(false);
  });
});

describe('a factory that fails', () => {
  it('affects only its own caller', async () => {
    const failure = new Error('no limiter for you');
    const keyed = new KeyedSemaphore(
      (key) => {
        if (key === 'bad') throw failure;
        return new Semaphore(1);
      },
      { maxKeys: 1 },
    );
    touch(keyed, 'ann');
    await expect(keyed.acquire('bad')).rejects.toBe(failure);
    expect(() => keyed.tryAcquire('bad')).toThrow(failure);
    expect(keysOf(keyed)).toEqual(['ann']);
    expect(keyed.stats('ann')).toMatchObject({ acquired: 1 });
    await keyed.idle();
  });

  it.each<[made: unknown, shown: string]>([
    [undefined, 'undefined'],
    [Promise.resolve(new Semaphore(1)), 'a promise'],
    [7, '7'],
  ])('is told when it makes no limiter: %p', async (made, shown) => {
    const keyed = new KeyedSemaphore(() => made as Limiter);
    await expect(keyed.acquire('ann')).rejects.toEqual(
      new TypeError(`what create returns must be a limiter, such as new Semaphore(10), got ${shown}`),
    );
    expect(keyed.size).toBe(0);
  });

  it('may use other keys meanwhile', () => {
    const keyed: KeyedSemaphore = new KeyedSemaphore(
      (key) => {
        if (key === 'outer') keyed.tryAcquire('inner');
        return new Semaphore(1);
      },
      { maxKeys: 1 },
    );
    // The key that its factory used has taken the only place.
    expect(() => keyed.tryAcquire('outer')).toThrow(TooManyKeysError);
    expect(keyed.tryAcquire('another')).toBeUndefined();
    expect([...keyed].map(([key]) => key)).toEqual(['inner']);
  });

  it('makes one limiter for a key that is used while another is closed', () => {
    const made: string[] = [];
    const keyed: KeyedSemaphore = new KeyedSemaphore(
      (key) => {
        made.push(key);
        const semaphore = new Semaphore(1);
        const close = () => {
          if (key === 'a') keyed.tryAcquire('b');
        };
        return Object.defineProperty(semaphore, 'close', { value: close });
      },
      { maxKeys: 1 },
    );
    keyed.tryAcquire('a')?.release();
    // The closing of a takes the permit.
    expect(keyed.tryAcquire('b')).toBeUndefined();
    expect([made, keyed.size, keyed.stats().busyKeys]).toEqual([['a', 'b'], 1, 1]);
  });

  it('never evicts a key that the closing of an expired one uses', () => {
    const clock = new FakeClock();
    const keyed: KeyedSemaphore = new KeyedSemaphore(
      (key) => {
        const close = () => {
          if (key === 'a') keyed.tryAcquire('b');
        };
        return Object.defineProperty(new Semaphore(1), 'close', { value: close });
      },
      { idleTtlMs: 100, clock },
    );
    touch(keyed, 'a', 'b');
    clock.advance(100);
    expect(keyed.stats('b')).toMatchObject({ held: 1 });
  });

  it('may use the very key meanwhile, which has one limiter all the same', () => {
    let isFirst = true;
    const keyed: KeyedSemaphore = new KeyedSemaphore((key) => {
      const permit = isFirst && ((isFirst = false), keyed.tryAcquire(key));
      expect(permit).toBeDefined();
      return new Semaphore(1);
    });
    expect(keyed.tryAcquire('ann')).toBeUndefined();
    expect(keyed.stats()).toMatchObject({ keys: 1, busyKeys: 1, held: 1 });
  });

  it('unpins a key whose limiter throws', async () => {
    const broken: Limiter = {
      ...makeBroken(),
      acquire: () => {
        throw new Error('broken');
      },
      tryAcquire: () => {
        throw new Error('broken');
      },
    };
    const keyed = new KeyedSemaphore(() => broken);
    await expect(keyed.acquire('ann')).rejects.toThrow('broken');
    expect(() => keyed.tryAcquire('ann')).toThrow('broken');
    await keyed.idle();
  });
});

describe('closing a KeyedSemaphore', () => {
  it('rejects the waiters of every key and all later callers, with the reason', async () => {
    const { keyed, clock, made } = makeKeyed();
    touch(keyed, 'idle');
    const permit = await keyed.acquire('ann');
    const waiting = watch(keyed.acquire('ann'));
    keyed.close('maintenance');
    keyed.close('again');
    await turn();
    expect(waiting.reason).toMatchObject({ code: 'ERR_SEMAPHORE_CLOSED', cause: 'maintenance' });
    await expect(keyed.acquire('new')).rejects.toMatchObject({
      code: 'ERR_SEMAPHORE_CLOSED',
      cause: 'maintenance',
    });
    expect(() => keyed.tryAcquire('new')).toThrow(ClosedError);
    expect(await isClosed(made.get('idle')?.[0])).toBe(true);
    expect(keysOf(keyed)).toEqual(['ann']);
    expect(clock.timers).toBe(0);
    permit.release();
    await keyed.idle();
    expect([keyed.size, clock.timers]).toEqual([0, 0]);
  });

  it('without a reason gives no cause', async () => {
    const { keyed } = makeKeyed();
    keyed.close();
    const rejection = await keyed.acquire('ann').catch((error: unknown) => error);
    expect(rejection).toBeInstanceOf(ClosedError);
    expect(rejection).toHaveProperty('message', 'the limiter is closed');
    expect(rejection).not.toHaveProperty('cause');
  });

  it('closes all the others when one throws, and warns of it', async () => {
    const warnings = collectWarnings();
    const reasons: unknown[] = [];
    const keyed = new KeyedSemaphore((key) => ({
      ...makeBroken(),
      tryAcquire: () => new Semaphore(1).tryAcquire(),
      close: (reason) => {
        reasons.push(`${key}: ${String(reason)}`);
        throw new Error(`cannot close ${key}`);
      },
    }));
    touch(keyed, 'ann', 'bob');
    const held = [keyed.tryAcquire('cid'), keyed.tryAcquire('dan')];
    keyed.close('over');
    expect(reasons.sort()).toEqual(['ann: over', 'bob: over', 'cid: over', 'dan: over']);
    expect(warnings).toHaveLength(4);
    expect(warnings[0]).toMatchObject({
      code: 'WARN_SEMAPHORE_CLOSE_FAILED',
      message: 'a limiter threw when it was closed: cannot close ann',
    });
    for (const permit of held) permit?.release();
    await keyed.idle();
    expect(keyed.size).toBe(0);
  });
});

describe('idle of a KeyedSemaphore', () => {
  it('resolves for every caller once no key is in use', async () => {
    const { keyed } = makeKeyed();
    await keyed.idle();
    const [ann, bob] = [await keyed.acquire('ann'), await keyed.acquire('bob')];
    const calls = [watch(keyed.idle()), watch(keyed.idle())];
    ann.release();
    await turn();
    expect(calls.map(({ state }) => state)).toEqual(['pending', 'pending']);
    bob.release();
    await turn();
    expect(calls.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled']);
    await keyed.idle();
  });
});

/** A limiter that does nothing, to be given the parts that a test is about. */
function makeBroken(): Limiter {
  const semaphore = new Semaphore(1);
  return {
    acquire: (options) => semaphore.acquire(options),
    tryAcquire: () => undefined,
    run: (work, options) => semaphore.run(work, options),
    close: () => undefined,
    idle: () => semaphore.idle(),
    stats: () => semaphore.stats(),
  };
}
