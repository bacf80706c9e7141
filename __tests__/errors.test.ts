import { ClosedError, isSemaphoreError, QueueFullError, SemaphoreError } from 'express-semaphore';

describe('a refusal', () => {
  it('follows the http-errors convention', () => {
    const refusal = new QueueFullError('the queue is full', 1_001);
    expect(refusal).toBeInstanceOf(SemaphoreError);
    expect(refusal).toMatchObject({ status: 503, expose: false, headers: { 'Retry-After': '2' } });
    refusal.status = 429;
    expect(refusal.expose).toBe(true);
    refusal.status = 500;
    expect(refusal.expose).toBe(false);
  });

  it('has a Retry-After of at least a second where a time is known, and none elsewhere', () => {
    expect(new QueueFullError('full', 0).headers).toEqual({ 'Retry-After': '1' });
    expect(new QueueFullError('full', 1_000).headers).toEqual({ 'Retry-After': '1' });
    expect(new ClosedError('closed').headers).toEqual({});
  });

  it('is told from other errors by its code', () => {
    expect(isSemaphoreError(new ClosedError('closed'))).toBe(true);
    expect(isSemaphoreError(Object.assign(new Error('copy'), { code: 'ERR_SEMAPHORE_CLOSED' }))).toBe(true);
    for (const other of [new Error('x'), Object.assign(new Error('x'), { code: 'ENOENT' }), null]) {
      expect(isSemaphoreError(other)).toBe(false);
    }
  });
});
