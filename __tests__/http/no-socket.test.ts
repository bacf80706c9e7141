import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { limit, permitOf, Semaphore } from 'express-semaphore';
import { serve, until } from '../helpers/serve';
import { turn } from '../helpers/watch';

/** A pair as web adapters, injectors and unit tests make it: its response never gets a socket. */
function bareExchange(): { req: IncomingMessage; res: ServerResponse } {
  const req = new IncomingMessage(new Socket());
  return { req, res: new ServerResponse(req) };
}

/** How a middleware makes the request that it passes on in place of its own. */
const INNER_REQUESTS: [string, (req: IncomingMessage) => IncomingMessage][] = [
  ['the request itself', (req) => req],
  ['an object that inherits from it', (req) => Object.create(req) as IncomingMessage],
  ['a request of its own on the same socket', (req) => new IncomingMessage(req.socket)],
];

describe('a response that never gets a socket', () => {
  it.each(INNER_REQUESTS)(
    'is served while the host answers the request that it is made for: %s',
    async (_what, innerOf) => {
      const semaphore = new Semaphore(1);
      const limited = limit(semaphore, { maxWaitMs: 0 });
      await using server = await serve((req, res) => {
        const inner = innerOf(req);
        limited(inner, new ServerResponse(inner), () => res.end('served'));
      });
      for (let i = 0; i < 2; i++) {
        expect(await (await fetch(server.url)).text()).toBe('served');
        await until(() => semaphore.held === 0);
      }
    },
  );

  it('has a permit of its own while another response of the same request is open', async () => {
    const semaphore = new Semaphore(1);
    const limited = limit(semaphore);
    const { req, res } = bareExchange();
    const other = new ServerResponse(req);
    const next = jest.fn();
    limited(req, res, next);
    limited(req, other, next);
    limited(req, Object.create(res) as ServerResponse, next);
    expect([semaphore.held, semaphore.waiting, next.mock.calls.length]).toEqual([1, 1, 2]);
    expect([permitOf(res)?.weight, permitOf(other)]).toEqual([1, undefined]);
    res.emit('finish');
    await until(() => next.mock.calls.length === 3);
    expect([semaphore.held, permitOf(other)?.weight]).toEqual([1, 1]);
    other.emit('finish');
    expect(semaphore.held).toBe(0);
  });

  it.each<[string, object]>([
    ['takes no property', Object.freeze({ remoteAddress: '::1' })],
    ['is sending something that is no response', { _httpMessage: {} }],
  ])('is served and queued on a replacement of a socket that %s', async (_what, socket) => {
    const semaphore = new Semaphore(1);
    const served: ServerResponse[] = [];
    for (let i = 0; i < 2; i++) {
      const req = new IncomingMessage(socket as Socket);
      const res = new ServerResponse(req);
      limit(semaphore)(req, res, () => served.push(res));
    }
    expect([served.length, semaphore.waiting]).toEqual([1, 1]);
    served[0]?.emit('finish');
    await until(() => served.length === 2);
    served[1]?.emit('close');
    expect(semaphore.held).toBe(0);
  });

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
