import { ClosedError, isSemaphoreError, QueueFullError, SemaphoreError } from 'express-semaphore';
import { BackendError, LeaseLostError } from 'express-semaphore/redis';
import { once } from 'node:events';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { retryAfterSeconds } from '../lib/internal/retry-after';

describe('a rejection', () => {
  it('follows the http-errors convention', () => {
    const rejection = new QueueFullError('the queue is full', { retryAfterMs: 1_001 });
    expect(rejection).toBeInstanceOf(SemaphoreError);
    expect(rejection).toMatchObject({ status: 503, statusCode: 503, expose: false, scope: 'limiter' });
    expect(Number(rejection.headers['Retry-After'])).toBeGreaterThanOrEqual(2);
    expect(rejection.headers).toEqual(rejection.headers);
  });

  it('has the status of its scope, and shows its message only where one key is the cause', () => {
    const ofKey = new QueueFullError('the queue is full', { scope: 'key' });
    expect(ofKey).toMatchObject({ status: 429, statusCode: 429, expose: true });
    for (const backend of [new BackendError('Redis does not answer'), new LeaseLostError('lost')]) {
      expect(backend).toMatchObject({ scope: 'backend', status: 503, expose: false });
    }
  });

  it('has a cause only where it is given one', () => {
    const cause = new Error('why');
    expect(new ClosedError('closed', { cause })).toHaveProperty('cause', cause);
    expect(new ClosedError('closed')).not.toHaveProperty('cause');
  });

  it('is told from other errors by its code, in any copy of the package and any realm', () => {
    expect(isSemaphoreError(new ClosedError('closed'))).toBe(true);
    expect(isSemaphoreError(Object.assign(new Error('copy'), { code: 'ERR_SEMAPHORE_CLOSED' }))).toBe(true);
    const foreign: unknown = runInNewContext("Object.assign(new Error(), { code: 'ERR_SEMAPHORE_CLOSED' })");
    expect(isSemaphoreError(foreign)).toBe(true);
    for (const other of [new Error('x'), Object.assign(new Error('x'), { code: 'ENOENT' }), null]) {
      expect(isSemaphoreError(other)).toBe(false);
    }
  });

  it("is recognised after a worker's 'error' event", async () => {
    const rejection = "Object.assign(new Error('the queue is full'), { code: 'ERR_SEMAPHORE_QUEUE_FULL' })";
    const worker = new Worker(`throw ${rejection}`, { eval: true });
    const [error] = (await once(worker, 'error')) as [unknown];
    expect(isSemaphoreError(error)).toBe(true);
    expect(error).toMatchObject({ code: 'ERR_SEMAPHORE_QUEUE_FULL', message: 'the queue is full' });
  });

  it('loses its code when it is cloned, and keeps it when its fields are', () => {
    const rejection = new QueueFullError('the queue is full');
    const clone = structuredClone(rejection);
    expect(clone).toMatchObject({ name: 'Error', message: 'the queue is full' });
    expect(isSemaphoreError(clone)).toBe(false);
    const { code, message, retryAfterMs } = rejection;
    const sent = structuredClone({ code, message, retryAfterMs });
    expect(isSemaphoreError(Object.assign(new Error(sent.message), sent))).toBe(true);
  });
});

describe('Retry-After', () => {
  it.each([
    [undefined, 0, 1],
    [undefined, 0.999, 2],
    [0, 0, 1],
    [1_000, 0, 1],
    [1_001, 0, 2],
    [1_001, 0.999, 4],
    [10_000, 0.5, 15],
    [1e9, 0, 30],
    [Infinity, 0.999, 60],
    [NaN, 0, 1],
  ])('of an estimate of %p ms with a spread of %p is %p s', (ms, spread, seconds) => {
    expect(retryAfterSeconds(ms, spread)).toBe(seconds);
  });

  it('differs between clients that are rejected together', () => {
    const rejections = Array.from({ length: 50 }, () => new QueueFullError('full', { retryAfterMs: 10_000 }));
    const seconds = rejections.map(({ headers }) => Number(headers['Retry-After']));
    expect(new Set(seconds).size).toBeGreaterThan(3);
    expect(Math.min(...seconds)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...seconds)).toBeLessThanOrEqual(20);
  });
});
