import { ClosedError, QueueFullError, Semaphore, WaitTimeoutError } from 'express-semaphore';
import type { SemaphoreOptions } from 'express-semaphore';
import { FakeClock } from 'express-semaphore/testing';
import { defer } from '../helpers/serve';
import { states, turn, watch } from '../helpers/watch';

const NOT_A_DURATION = 'must be 0 to 2147483647 milliseconds or Infinity, got';

describe('making a Semaphore', () => {
  it.each<[permits: unknown, error: Error]>([
    [-1, new RangeError('permits must be an integer of at least 0, got -1')],
    [2.5, new RangeError('permits must be an integer of at least 0, got 2.5')],
    [NaN, new RangeError('permits must be an integer of at least 0, got NaN')],
    [Infinity, new RangeError('permits must be an integer of at least 0, got Infinity')],
    ['3', new TypeError('permits must be a number, got "3"')],
    [undefined, new TypeError('permits must be a number, got undefined')],
  ])('rejects %p permits, also in resize', (permits, error) => {
    expect(() => new Semaphore(permits as number)).toThrow(error);
    const semaphore = new Semaphore(2);
    expect(() => {
      semaphore.resize(permits as number);
    }).toThrow(error);
    expect(semaphore.permits).toBe(2);
  });

  it.each<[options: unknown, error: Error]>([
    [{ queueLimit: -1 }, new RangeError('queueLimit must be an integer of at least 0, got -1')],
    [{ queueLimit: 0.5 }, new RangeError('queueLimit must be an integer of at least 0, got 0.5')],
    [{ queueLimit: null }, new TypeError('queueLimit must be a number, got null')],
    [{ maxWaitMs: -1 }, new RangeError(`maxWaitMs ${NOT_A_DURATION} -1`)],
    [{ maxWaitMs: 2 ** 31 }, new RangeError(`maxWaitMs ${NOT_A_DURATION} 2147483648`)],
    [{ maxWaitMs: '1s' }, new TypeError('maxWaitMs must be a number, got "1s"')],
  ])('rejects %p and names the option and the value', (options, error) => {
    expect(() => new Semaphore(1, options as SemaphoreOptions)).toThrow(error);
  });

  it('takes undefined for the default of any option', async () => {
    const semaphore = new Semaphore(1, { queueLimit: undefined, maxWaitMs: undefined, clock: undefined });
    semaphore.tryAcquire();
    const waiting = watch(semaphore.acquire({ weight: undefined, signal: undefined, maxWaitMs: undefined }));
    await turn();
    expect(waiting.state).toBe('pending');
    expect(semaphore.waiting).toBe(1);
  });

  it('has its numbers as properties, too', () => {
    const semaphore = new Semaphore(5);
    semaphore.tryAcquire({ weight: 2 });
    void semaphore.acquire({ weight: 4 });
    const { permits, held, available, waiting } = semaphore;
    expect({ permits, held, available, waiting }).toEqual({ permits: 5, held: 2, available: 3, waiting: 1 });
  });

  it('counts as many permits as a number counts exactly', async () => {
    const semaphore = new Semaphore(Number.MAX_SAFE_INTEGER);
    const most = await semaphore.acquire({ weight: Number.MAX_SAFE_INTEGER - 1 });
    expect(semaphore.tryAcquire({ weight: 2 })).toBeUndefined();
    expect(semaphore.tryAcquire()).toBeDefined();
    expect(semaphore.tryAcquire()).toBeUndefined();
    most.release();
    expect(semaphore.held).toBe(1);
  });
});

describe('Semaphore.acquire', () => {
  it.each<[name: string, options: unknown]>([
    ['a bad weight', { weight: 0 }],
    ['a weight above the limit', { weight: 3 }],
    ['a bad wait', { maxWaitMs: -1 }],
    ['a bad signal', { signal: {} }],
    ['an aborted signal', { signal: AbortSignal.abort() }],
    ['no options object', null],
  ])('never throws synchronously: %s', async (_name, options) => {
    const promise = new Semaphore(2).acquire(options as undefined);
    await expect(promise).rejects.toBeDefined();
  });

  it('makes a new error for each rejection, with the stack of its caller', async () => {
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    semaphore.tryAcquire();
    const firstCaller = () => semaphore.acquire().catch((error: unknown) => error as Error);
    const secondCaller = () => semaphore.acquire().catch((error: unknown) => error as Error);
    const [first, second] = [await firstCaller(), await secondCaller()];
    expect(first).not.toBe(second);
    expect((first as Error).stack).toContain('firstCaller');
    expect((second as Error).stack).toContain('secondCaller');
  });

  it('gives the reason in the message of a rejection', async () => {
    const full = new Semaphore(0, { queueLimit: 0 });
    await expect(full.acquire()).rejects.toThrow(/^the queue is full$/);
    await expect(full.acquire({ maxWaitMs: 0 })).rejects.toThrow(/^no permit came free in time$/);
    full.close();
    await expect(full.acquire()).rejects.toThrow(/^the limiter is closed$/);
  });

  it('grants nothing during an abort whose other listeners release', async () => {
    const semaphore = new Semaphore(1);
    const held = await semaphore.acquire();
    const leaving = new AbortController();
    // Registered first, so it runs while the waiters below have not been told yet.
    leaving.signal.addEventListener('abort', () => {
      held.release();
    });
    const gone = [
      watch(semaphore.acquire({ signal: leaving.signal })),
      watch(semaphore.acquire({ signal: leaving.signal })),
    ];
    const staying = watch(semaphore.acquire());
    leaving.abort();
    await turn();
    expect(states(gone)).toEqual(['rejected', 'rejected']);
    expect(staying.state).toBe('fulfilled');
    expect(semaphore.stats()).toMatchObject({ held: 1, waiting: 0, aborted: 2 });
  });

  it('passes over several waiters that have left', async () => {
    const semaphore = new Semaphore(1);
    const held = await semaphore.acquire();
    const leaving = new AbortController();
    const waits = [1, 2, 3, 4, 5].map((n) =>
      watch(semaphore.acquire(n % 2 === 0 ? {} : { signal: leaving.signal })),
    );
    leaving.abort();
    held.release();
    await turn();
    expect(states(waits)).toEqual(['rejected', 'fulfilled', 'rejected', 'pending', 'rejected']);
  });

  it('grants to the waiters that fit, although a permit is aborted later', async () => {
    const semaphore = new Semaphore(1);
    const caller = new AbortController();
    const permit = await semaphore.acquire({ signal: caller.signal });
    caller.abort('too late');
    expect(permit.signal).toBe(caller.signal);
    expect(semaphore.stats()).toMatchObject({ held: 1, aborted: 0 });
    permit.release();
    expect(semaphore.held).toBe(0);
  });

  it('hands on 20,000 permits without deep calls', async () => {
    const semaphore = new Semaphore(1);
    let served = 0;
    const held = await semaphore.acquire();
    const waits = Array.from({ length: 20_000 }, async () => {
      (await semaphore.acquire()).release();
      served++;
    });
    held.release();
    await Promise.all(waits);
    expect(served).toBe(20_000);
    expect(semaphore.stats()).toMatchObject({ held: 0, waiting: 0, acquired: 20_001 });
  });
});

describe('Semaphore.run', () => {
  it('runs work with a permit, and gives its result', async () => {
    const semaphore = new Semaphore(3);
    const result = await semaphore.run(
      (permit) => {
        expect(semaphore.held).toBe(2);
        return Promise.resolve(`weight ${permit.weight}`);
      },
      { weight: 2 },
    );
    expect(result).toBe('weight 2');
    expect(semaphore.held).toBe(0);
  });

  it.each<[name: string, work: () => unknown]>([
    ['rejects', () => Promise.reject(new Error('no luck'))],
    [
      'throws',
      () => {
        throw new Error('no luck');
      },
    ],
  ])('releases when the work %s', async (_name, work) => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.run(work)).rejects.toThrow('no luck');
    expect(semaphore.held).toBe(0);
  });

  it('does not start the work when it gets no permit', async () => {
    const semaphore = new Semaphore(1);
    semaphore.tryAcquire();
    const work = jest.fn();
    await expect(semaphore.run(work, { maxWaitMs: 0 })).rejects.toBeInstanceOf(WaitTimeoutError);
    expect(work).not.toHaveBeenCalled();
  });

  it('waits for what its work holds on to', async () => {
    const semaphore = new Semaphore(1);
    const background = defer();
    await semaphore.run((permit) => {
      permit.hold(background.promise);
    });
    expect(semaphore.held).toBe(1);
    background.resolve();
    await semaphore.idle();
    expect(semaphore.held).toBe(0);
  });
});

it('keeps neither a timer nor a waiter of a call whose clock throws', async () => {
  const clock = new FakeClock();
  const semaphore = new Semaphore(0, { clock, maxWaitMs: 100 });
  const now = jest.spyOn(clock, 'now').mockImplementationOnce(() => {
    throw new Error('no time');
  });
  await expect(semaphore.acquire()).rejects.toThrow('no time');
  now.mockRestore();
  expect([clock.timers, semaphore.waiting]).toEqual([0, 0]);
});

describe('Semaphore.resize', () => {
  it('serves the head at once when the limit grows', async () => {
    const semaphore = new Semaphore(1);
    semaphore.tryAcquire();
    const waits = [1, 2, 3].map(() => watch(semaphore.acquire()));
    semaphore.resize(3);
    expect(semaphore.stats()).toMatchObject({ permits: 3, held: 3, available: 0, waiting: 1 });
    await turn();
    expect(states(waits)).toEqual(['fulfilled', 'fulfilled', 'pending']);
  });

  it('revokes nothing when the limit shrinks, and takes effect with each release', async () => {
    const semaphore = new Semaphore(3);
    const held = [semaphore.tryAcquire(), semaphore.tryAcquire(), semaphore.tryAcquire()];
    const next = watch(semaphore.acquire());
    semaphore.resize(1);
    expect(semaphore.stats()).toMatchObject({ permits: 1, held: 3, available: 0, waiting: 1 });
    held[0]?.release();
    held[1]?.release();
    expect(semaphore.stats()).toMatchObject({ held: 1, available: 0, waiting: 1 });
    await turn();
    expect(next.state).toBe('pending');
    held[2]?.release();
    await turn();
    expect(next.state).toBe('fulfilled');
  });

  it('rejects waiters above the new limit, and serves the waiters behind them', async () => {
    const semaphore = new Semaphore(4);
    const held = await semaphore.acquire({ weight: 1 });
    const [heavy, fitting, alsoHeavy, light] = [4, 2, 3, 1].map((weight) =>
      watch(semaphore.acquire({ weight })),
    );
    semaphore.resize(2);
    await turn();
    expect(heavy?.reason).toEqual(new RangeError('weight must be at most permits (2), got 4'));
    expect(alsoHeavy?.reason).toEqual(new RangeError('weight must be at most permits (2), got 3'));
    expect([fitting?.state, light?.state]).toEqual(['pending', 'pending']);
    held.release();
    await turn();
    expect([fitting?.state, light?.state]).toEqual(['fulfilled', 'pending']);
  });

  it('pauses with 0 permits, and goes on', async () => {
    const semaphore = new Semaphore(0);
    expect(semaphore.tryAcquire()).toBeUndefined();
    const [one, two] = [watch(semaphore.acquire()), watch(semaphore.acquire({ weight: 2 }))];
    const idle = watch(semaphore.idle());
    await turn();
    expect([one.state, two.state, idle.state]).toEqual(['pending', 'pending', 'pending']);
    semaphore.resize(1);
    await turn();
    expect(two.reason).toEqual(new RangeError('weight must be at most permits (1), got 2'));
    one.value.release();
    await turn();
    expect(idle.state).toBe('fulfilled');
    semaphore.resize(0);
    expect(semaphore.stats()).toMatchObject({ permits: 0, available: 0 });
    expect(semaphore.tryAcquire()).toBeUndefined();
  });

  it('forgets the release rate at the end of a pause, whose length says nothing of it', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { clock });
    let held = await semaphore.acquire();
    const waits = Array.from({ length: 10 }, () => semaphore.acquire());
    for (const wait of waits.slice(0, 9)) {
      clock.advance(100);
      held.release();
      held = await wait;
    }
    expect(semaphore.stats().releasesPerSecond).toBe(10);
    semaphore.resize(0);
    clock.advance(60_000);
    semaphore.resize(1);
    expect(semaphore.stats().releasesPerSecond).toBeUndefined();
    held.release();
    (await waits[9])?.release();
  });

  it('keeps heavy waiters through a pause, and serves them after it', async () => {
    const semaphore = new Semaphore(4);
    const held = semaphore.tryAcquire({ weight: 4 });
    const [light, heavy] = [watch(semaphore.acquire()), watch(semaphore.acquire({ weight: 3 }))];
    semaphore.resize(0);
    const late = watch(semaphore.acquire({ weight: 5 }));
    await turn();
    expect(states([light, heavy, late])).toEqual(['pending', 'pending', 'pending']);
    semaphore.resize(4);
    held?.release();
    await turn();
    expect(states([light, heavy, late])).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(late.reason).toEqual(new RangeError('weight must be at most permits (4), got 5'));
  });

  it('is idle when the last waiter has left', async () => {
    const semaphore = new Semaphore(2);
    const held = await semaphore.acquire();
    const heavy = watch(semaphore.acquire({ weight: 2 }));
    const idle = watch(semaphore.idle());
    held.release();
    await turn();
    heavy.value.release();
    await turn();
    expect(idle.state).toBe('fulfilled');
    semaphore.resize(0);
    const waiter = watch(semaphore.acquire());
    const idleAgain = watch(semaphore.idle());
    semaphore.close();
    await turn();
    expect([waiter.state, idleAgain.state]).toEqual(['rejected', 'fulfilled']);
  });

  it('grants nothing after close, also when the limit grows', () => {
    const semaphore = new Semaphore(1);
    semaphore.close();
    semaphore.resize(5);
    expect(() => semaphore.tryAcquire()).toThrow(ClosedError);
    expect(semaphore.stats()).toMatchObject({ permits: 5, available: 5, acquired: 0 });
  });
});

describe('the stats of a Semaphore', () => {
  it('count a rejection for each waiter and each newcomer of a closed one', async () => {
    const semaphore = new Semaphore(1);
    semaphore.tryAcquire();
    const waits = [watch(semaphore.acquire()), watch(semaphore.acquire())];
    semaphore.close();
    waits.push(watch(semaphore.acquire()));
    await turn();
    expect(states(waits)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(semaphore.stats().rejected).toMatchObject({
      ERR_SEMAPHORE_CLOSED: 3,
      ERR_SEMAPHORE_QUEUE_FULL: 0,
      ERR_SEMAPHORE_WAIT_TIMEOUT: 0,
    });
  });

  it('give the time until the queue has been served in a rejection, once a rate was measured', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, { queueLimit: 1, clock });
    const retryAfterMs = async (): Promise<number | undefined> => {
      const rejection = await semaphore.acquire({ maxWaitMs: Infinity }).catch((error: unknown) => error);
      return rejection instanceof QueueFullError ? rejection.retryAfterMs : NaN;
    };
    let permit = await semaphore.acquire();
    let next = semaphore.acquire();
    expect(await retryAfterMs()).toBeUndefined();
    for (let released = 0; released < 8; released++) {
      clock.advance(50);
      permit.release();
      permit = await next;
      next = semaphore.acquire();
    }
    // Eight in 400 ms, and the newcomer would be the second in the queue.
    expect(await retryAfterMs()).toBe(100);
    // A stall counts: eight in 40 s by now.
    clock.advance(39_600);
    expect(await retryAfterMs()).toBe(10_000);
    // After a while without waiters it knows nothing any more.
    permit.release();
    permit = await next;
    clock.advance(2_000);
    next = semaphore.acquire();
    expect(await retryAfterMs()).toBeUndefined();
  });
});
