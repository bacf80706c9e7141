import { Semaphore } from 'express-semaphore';
import { defer } from '../helpers/serve';
import { turn, watch } from '../helpers/watch';

describe('semaphore.map', () => {
  it('keeps the order of the items, holds no more than the limit and pulls lazily', async () => {
    const semaphore = new Semaphore(2);
    let pulled = 0;
    function* items() {
      for (let n = 0; n < 6; n++) {
        pulled++;
        yield n;
      }
    }
    const work = Array.from({ length: 6 }, () => defer());
    let most = 0;
    const all = semaphore.map(items(), async (n) => {
      most = Math.max(most, semaphore.held);
      await work[n]?.promise;
      return n * 10;
    });
    await turn();
    expect([semaphore.held, semaphore.waiting, pulled]).toEqual([2, 1, 3]);
    for (const one of [...work].reverse()) one.resolve();
    expect(await all).toEqual([0, 10, 20, 30, 40, 50]);
    expect([most, semaphore.held]).toEqual([2, 0]);
  });

  it('reads an async iterable, and other callers share the permits', async () => {
    const semaphore = new Semaphore(1);
    async function* items() {
      yield 'a';
      await turn();
      yield 'b';
    }
    const held = await semaphore.acquire();
    const all = watch(semaphore.map(items(), (text) => text.toUpperCase()));
    await turn();
    expect(all.state).toBe('pending');
    held.release();
    await semaphore.idle();
    for (let n = 0; n < 5; n++) await turn();
    expect(all.value).toEqual(['A', 'B']);
    expect(await semaphore.map([], () => 1)).toEqual([]);
  });

  it('stops at the first error: pulls no more, closes the source, and waits for the work that runs', async () => {
    const semaphore = new Semaphore(2);
    const seen: unknown[] = [];
    function* items() {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        seen.push('closed');
      }
    }
    const slow = defer();
    const failure = new Error('no such item');
    const all = watch(
      semaphore.map(items(), async (n, { signal }) => {
        seen.push(n);
        if (n === 1) throw failure;
        await slow.promise;
        seen.push(signal.aborted);
      }),
    );
    await turn();
    expect([seen, all.state, semaphore.held, semaphore.waiting]).toEqual([[0, 1, 'closed'], 'pending', 1, 0]);
    slow.resolve();
    await turn();
    expect(seen.at(-1)).toBe(true);
    expect(all.reason).toBe(failure);
    expect(semaphore.held).toBe(0);
  });

  it('stops when its signal aborts, also while it waits for a permit', async () => {
    const semaphore = new Semaphore(1);
    const held = await semaphore.acquire();
    const leaving = new AbortController();
    const work = jest.fn();
    const all = watch(semaphore.map([1, 2], work, { signal: leaving.signal }));
    await turn();
    leaving.abort('gone');
    await turn();
    expect([all.reason, semaphore.waiting]).toEqual(['gone', 0]);
    expect(work).not.toHaveBeenCalled();
    held.release();
    await expect(semaphore.map([1], work, { signal: leaving.signal })).rejects.toBe('gone');
  });

  it('stops although its source is silent, and closes the source when that speaks', async () => {
    const semaphore = new Semaphore(2);
    const seen: unknown[] = [];
    const silence = defer();
    async function* items() {
      try {
        yield 1;
        await silence.promise;
        yield 2;
      } finally {
        seen.push('closed');
      }
    }
    const leaving = new AbortController();
    const running = defer();
    const all = watch(
      semaphore.map(
        items(),
        async (n) => {
          seen.push(n);
          await running.promise;
        },
        { signal: leaving.signal },
      ),
    );
    await turn();
    leaving.abort('gone');
    await turn();
    expect(all.state).toBe('pending');
    running.resolve();
    await turn();
    expect([all.reason, seen, semaphore.held]).toEqual(['gone', [1], 0]);
    silence.resolve();
    await turn();
    expect(seen).toEqual([1, 'closed']);
  });
});
