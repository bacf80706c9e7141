import { KeyedSemaphore, limit, Semaphore, withSemaphore } from 'express-semaphore';
import request from 'supertest';
import express from 'express';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import { states, turn, watch } from '../helpers/watch';

describe('the limiter of one key', () => {
  it('shares the permits of its key with all other calls for the key', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const ann = keyed.for('ann');
    const held = await keyed.acquire('ann');
    expect(ann).toMatchObject({ permits: 1, held: 1, available: 0, waiting: 0, closed: false });
    const calls = [watch(withSemaphore(ann)(async () => turn())()), watch(keyed.for('bob').run(() => 1))];
    await turn();
    expect(states(calls)).toEqual(['pending', 'fulfilled']);
    expect(ann.stats().waiting).toBe(1);
    held.release();
    await keyed.idle();
    expect(ann.stats()).toMatchObject({ held: 0, acquired: 2 });
  });

  it('keeps no key, and uses the new limiter of an evicted key', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1), { maxKeys: 1 });
    const ann = keyed.for('ann');
    await keyed.acquire('bob').then((permit) => {
      permit.release();
    });
    expect([keyed.stats('ann'), ann.stats().permits]).toEqual([undefined, 1]);
    const permit = await ann.acquire();
    expect([keyed.stats('ann')?.held, ann.stats().held]).toEqual([1, 1]);
    permit.release();
  });

  it('can be mounted, and answers a rejection as that of a key, counted once', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }));
    const app = express().get('/', limit(keyed.for('ann')), (_req, res) => res.send('ok'));
    await request(app).get('/').expect(200);
    const permit = await keyed.acquire('ann');
    await request(app).get('/').expect(429);
    permit.release();
    expect(keyed.stats().rejected.ERR_SEMAPHORE_QUEUE_FULL).toBe(1);
    expect(keyed.stats().rejected.ERR_SEMAPHORE_WAIT_TIMEOUT).toBe(0);
  });
});

describe('a pause of all keys', () => {
  it('holds for keys that come during it, and ends for all', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1), { maxKeys: 2 });
    keyed.for('gone');
    keyed.pause();
    const calls = ['ann', 'bob'].map((key) => watch(keyed.acquire(key)));
    await turn();
    expect([states(calls), keyed.tryAcquire('ann')]).toEqual([['pending', 'pending'], undefined]);
    expect([keyed.paused, keyed.stats().paused, keyed.available, keyed.waiting]).toEqual([true, true, 0, 2]);
    keyed.resume();
    await turn();
    expect([states(calls), keyed.stats().paused]).toEqual([['fulfilled', 'fulfilled'], false]);
  });

  it('pauses no key if one of them cannot be paused', () => {
    const keyed = new KeyedSemaphore((key) =>
      key === 'ann' ? new Semaphore(1) : Object.assign(new Semaphore(1), { pause: undefined }),
    );
    for (const key of ['ann', 'bob']) keyed.for(key);
    const error = new TypeError('what create returns.pause must be a function, got undefined');
    expect(() => {
      keyed.pause();
    }).toThrow(error);
    expect([keyed.paused, keyed.stats('ann')?.paused]).toEqual([false, false]);
  });

  it('lets the queues of all keys be cleared, with an error that blames no key', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    keyed.pause();
    const calls = ['ann', 'bob'].map((key) => watch(keyed.acquire(key)));
    await turn();
    keyed.clear('a new version is out');
    await turn();
    for (const { reason } of calls) {
      expect(reason).toMatchObject({ code: 'ERR_SEMAPHORE_QUEUE_CLEARED', status: 503, scope: 'limiter' });
    }
    expect(keyed.stats()).toMatchObject({ waiting: 0, busyKeys: 0 });
  });
});

describe('a live key', () => {
  it('is resized in place: holders keep their permits and waiters are served', async () => {
    const keyed = new KeyedSemaphore(() => new Semaphore(1));
    const calls = [1, 2, 3].map(() => watch(keyed.acquire('ann')));
    expect([keyed.resize('ann', 2), keyed.resize('bob', 2)]).toEqual([true, false]);
    await turn();
    expect(states(calls)).toEqual(['fulfilled', 'fulfilled', 'pending']);
    expect([keyed.size, keyed.permits]).toEqual([1, 2]);
  });

  it('is not resized when its limiter sets its own limit', () => {
    const keyed = new KeyedSemaphore(() => new AdaptiveSemaphore());
    keyed.for('ann');
    const error = new TypeError('what create returns.resize must be a function, got undefined');
    expect(() => keyed.resize('ann', 2)).toThrow(error);
  });

  it('gets the limit that create wants now, and keeps its one limiter', async () => {
    let permits = 1;
    const made: Semaphore[] = [];
    const keyed = new KeyedSemaphore(() => {
      const limiter = new Semaphore(permits);
      made.push(limiter);
      return limiter;
    });
    const calls = [1, 2, 3].map(() => watch(keyed.acquire('ann')));
    keyed.for('bob');
    permits = 2;
    keyed.refresh();
    await turn();
    expect(states(calls)).toEqual(['fulfilled', 'fulfilled', 'pending']);
    expect([keyed.size, keyed.permits, keyed.held]).toEqual([2, 4, 2]);
    expect(made.map(({ closed, held }) => [closed, held])).toEqual([
      [false, 2],
      [false, 0],
      [true, 0],
      [true, 0],
    ]);
  });

  it('gets the queueLimit and the maxWaitMs that create wants now', async () => {
    let queueLimit = 0;
    const keyed = new KeyedSemaphore(() => new Semaphore(1, { queueLimit, maxWaitMs: queueLimit * 1_000 }));
    await keyed.acquire('ann');
    queueLimit = 2;
    keyed.refresh();
    expect(keyed.for('ann')).toMatchObject({ queueLimit: 2, maxWaitMs: 2_000 });
  });

  it('is refreshed although create throws for another key', () => {
    let permits = 1;
    const failure = new Error('no plan');
    const keyed = new KeyedSemaphore((key) => {
      if (permits > 1 && key !== 'bob') throw failure;
      return new Semaphore(permits);
    });
    for (const key of ['ann', 'bob', 'cid']) keyed.for(key);
    permits = 5;
    expect(() => {
      keyed.refresh();
    }).toThrow(failure);
    expect(['ann', 'bob', 'cid'].map((key) => keyed.stats(key)?.permits)).toEqual([1, 5, 1]);
  });

  it('is deleted when it is idle, and only then', async () => {
    const made: Semaphore[] = [];
    const keyed = new KeyedSemaphore(() => {
      const limiter = new Semaphore(1);
      made.push(limiter);
      return limiter;
    });
    const permit = await keyed.acquire('ann');
    expect([keyed.delete('ann'), keyed.delete('bob'), keyed.size]).toEqual([false, false, 1]);
    permit.release();
    expect([keyed.delete('ann'), keyed.size, made[0]?.closed]).toEqual([true, 0, true]);
    (await keyed.acquire('ann')).release();
    expect(made).toHaveLength(2);
  });
});
