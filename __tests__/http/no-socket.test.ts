import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { limit, permitOf, Semaphore } from 'express-semaphore';
import { until } from '../helpers/serve';
import { turn } from '../helpers/watch';

/** A pair as web adapters, injectors and unit tests make it: its response never gets a socket. */
function bareExchange(): { req: IncomingMessage; res: ServerResponse } {
  const req = new IncomingMessage(new Socket());
  return { req, res: new ServerResponse(req) };
}

describe('a response that never gets a socket', () => {
  it('is served synchronously with a free permit, and releases when it closes', () => {
    const semaphore = new Semaphore(1);
    const { req, res } = bareExchange();
    const next = jest.fn();
    limit(semaphore)(req, res, next);
    expect(next).toHaveBeenCalledTimes(1);
    expect(permitOf(res)?.weight).toBe(1);
    expect(semaphore.held).toBe(1);
    res.emit('close');
    expect(semaphore.held).toBe(0);
  });

  it('is queued, and served when a permit is released', async () => {
    const semaphore = new Semaphore(1);
    const blocker = await semaphore.acquire();
    const { req, res } = bareExchange();
    const next = jest.fn();
    limit(semaphore)(req, res, next);
    expect(semaphore.waiting).toBe(1);
    expect(next).not.toHaveBeenCalled();
    blocker.release();
    await until(() => next.mock.calls.length === 1);
    res.emit('finish');
    expect(semaphore.held).toBe(0);
  });

  it('is limited after another response of the same request was sent, also behind a wrapper', () => {
    const semaphore = new Semaphore(1);
    const { req, res } = bareExchange();
    const limited = limit(semaphore);
    limited(req, res, () => res.end());
    res.emit('finish');
    const late = jest.fn();
    limited(req, Object.create(res) as ServerResponse, late);
    expect([semaphore.held, late.mock.calls.length]).toEqual([0, 0]);
    const second = new ServerResponse(req);
    const next = jest.fn();
    limited(req, second, next);
    expect([semaphore.held, next.mock.calls.length, permitOf(second)?.weight]).toEqual([1, 1, 1]);
    second.emit('finish');
    expect(semaphore.held).toBe(0);
  });

  it('leaves the queue when it closes', async () => {
    const semaphore = new Semaphore(1);
    const blocker = await semaphore.acquire();
    const { req, res } = bareExchange();
    const next = jest.fn();
    limit(semaphore)(req, res, next);
    res.emit('close');
    expect(semaphore.waiting).toBe(0);
    blocker.release();
    await turn();
    expect(next).not.toHaveBeenCalled();
  });

  it('is rejected at once', () => {
    const semaphore = new Semaphore(1, { queueLimit: 0 });
    semaphore.tryAcquire();
    const { req, res } = bareExchange();
    const next = jest.fn();
    limit(semaphore)(req, res, next);
    expect(res.statusCode).toBe(503);
    expect(res.writableEnded).toBe(true);
    expect(next).not.toHaveBeenCalled();
  });

  it.each([
    ['no stream', undefined],
    ['a stream of the host', {}],
    ['no object for a stream', 5],
  ])('is served over HTTP/2 with %s', (_what, stream) => {
    const semaphore = new Semaphore(1);
    const { req, res } = bareExchange();
    req.httpVersionMajor = 2;
    if (stream !== undefined) Object.assign(res, { stream });
    const next = jest.fn();
    limit(semaphore)(req, res, next);
    expect([next.mock.calls.length, semaphore.held]).toEqual([1, 1]);
    res.emit('close');
    expect(semaphore.held).toBe(0);
  });

  it('is not limited after it was destroyed', () => {
    const semaphore = new Semaphore(1);
    const { req, res } = bareExchange();
    res.destroy();
    const next = jest.fn();
    limit(semaphore)(req, res, next);
    expect([next.mock.calls.length, semaphore.held]).toEqual([0, 0]);
  });

  it('has one signal, which aborts when it closes', () => {
    const semaphore = new Semaphore(1);
    const { req, res } = bareExchange();
    limit(semaphore)(req, res, () => undefined);
    const permit = permitOf(res);
    const signal = permit?.signal;
    expect([permit?.signal === signal, signal?.aborted]).toEqual([true, false]);
    res.emit('close');
    expect(signal?.aborted).toBe(true);
  });

  it('passes on what next throws for an error that onRejected made', () => {
    const { req, res } = bareExchange();
    const limited = limit(new Semaphore(0, { queueLimit: 0 }), {
      onRejected: (_req, _res, next) => {
        next(new Error('mine'));
      },
    });
    const next = (error?: unknown): void => {
      if (error !== undefined) throw error as Error;
    };
    expect(() => {
      limited(req, res, next);
    }).toThrow('mine');
  });

  it('is served even if its request has no socket either', () => {
    const semaphore = new Semaphore(1);
    const { req, res } = bareExchange();
    Object.defineProperty(req, 'socket', { value: undefined });
    const next = jest.fn();
    limit(semaphore)(req, res, next);
    expect(next).toHaveBeenCalledTimes(1);
    res.emit('close');
    expect(semaphore.held).toBe(0);
  });
});
