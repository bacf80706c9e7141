import { EventEmitter } from 'node:events';
import { Agent, request } from 'node:http';
import type { ServerResponse } from 'node:http';
import { limit, permitOf, Semaphore } from 'express-semaphore';
import { serve, until } from '../helpers/serve';

/** Ways in which a framework wraps the response that it passes to middleware. */
const WRAPPERS = {
  'an object that inherits from it': (res: ServerResponse) => Object.create(res) as ServerResponse,
  'a Proxy that binds its methods': (res: ServerResponse) =>
    new Proxy(res, {
      get(target, name): unknown {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
};

describe('a wrapped response', () => {
  it.each(['wrapper', 'original'] as const)(
    'that emits no event of the response holds no permit after it was answered through the %s',
    async (via) => {
      const semaphore = new Semaphore(1);
      const limited = limit(semaphore, { maxWaitMs: 0 });
      await using server = await serve((req, res) => {
        const { socket } = res;
        const end = res.end.bind(res) as (body: string) => void;
        const wrapper = Object.assign(new EventEmitter(), { req, socket, end });
        limited(req, wrapper as unknown as ServerResponse, () => {
          (via === 'wrapper' ? wrapper : res).end('served');
        });
      });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let i = 0; i < 3; i++) await get(server.port, agent);
      await until(() => semaphore.held === 0);
      expect(semaphore.stats().released.success).toBe(3);
      agent.destroy();
    },
  );

  // Node itself does not finish a response that an inheriting object ends.
  it.each([
    ['a Proxy that binds its methods', 'wrapper'],
    ['a Proxy that binds its methods', 'original'],
    ['an object that inherits from it', 'original'],
  ] as const)(
    'as %s holds no permit after it was answered through the %s, while the connection stays open',
    async (how, via) => {
      const wrap = WRAPPERS[how];
      const semaphore = new Semaphore(5);
      const limited = limit(semaphore);
      const seen: (number | undefined)[] = [];
      await using server = await serve((req, res) => {
        const wrapper = wrap(res);
        limited(req, wrapper, () => {
          const used = via === 'wrapper' ? wrapper : res;
          seen.push(permitOf(used)?.weight);
          used.end('served');
        });
      });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let i = 0; i < 10; i++) await get(server.port, agent);
      await until(() => semaphore.held === 0);
      expect(seen).toEqual(Array.from({ length: 10 }, () => 1));
      expect(semaphore.stats().released.success).toBe(10);
      agent.destroy();
    },
  );

  it.each(Object.entries(WRAPPERS))(
    'as %s releases its permit when the client leaves',
    async (_how, wrap) => {
      const semaphore = new Semaphore(1);
      const limited = limit(semaphore);
      await using server = await serve((req, res) => {
        limited(req, wrap(res), () => undefined);
      });
      const sent = request({ port: server.port, agent: false }).on('error', () => undefined);
      sent.end();
      await until(() => semaphore.held === 1);
      sent.destroy();
      await until(() => semaphore.held === 0);
      expect(semaphore.held).toBe(0);
    },
  );
});

function get(port: number, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ port, agent }, (res) => res.resume().once('end', resolve))
      .once('error', reject)
      .end();
  });
}
