/** Redis clients that lose, repeat and delay what they carry. */
import type { RedisClient } from '../../lib/redis';

/** Changes how messages arrive: wraps the function that delivers a message. */
export type Meddling = (deliver: (message: string) => void) => (message: string) => void;

/** What an unreliable network and server may do with messages. */
export const MEDDLINGS: Readonly<Record<string, Meddling>> = {
  dropped: () => () => undefined,
  doubled: (deliver) => (message) => {
    deliver(message);
    deliver(message);
  },
  'put in another order': (deliver) => {
    const kept: string[] = [];
    return (message) => {
      kept.push(message);
      // A later message is delivered first.
      setTimeout(() => {
        deliver(kept.pop() ?? message);
      }, 5);
    };
  },
};

/** A client whose subscriptions get their messages through `meddling`. */
export function withMessages<Client extends RedisClient>(client: Client, meddling: Meddling): Client {
  const meddle = (listener: unknown) => meddling(listener as (message: string) => void);
  return wrap(client, {
    duplicate:
      (duplicate) =>
      (...overrides) =>
        wrap(duplicate(...overrides) as object, {
          // node-redis
          subscribe:
            (subscribe) =>
            (channel, ...listeners) =>
              subscribe(channel, ...listeners.map(meddle)),
          // ioredis
          on: (on) => (event, listener) => {
            if (event !== 'message') return on(event, listener);
            let from: unknown;
            const deliver = meddling((message) => {
              (listener as (channel: unknown, message: string) => void)(from, message);
            });
            return on(event, (channel: unknown, message: string) => {
              from = channel;
              deliver(message);
            });
          },
        }),
    // The application polls GLIDE for each message.
    getPubSubMessage: (next) => {
      const ready: unknown[] = [];
      const waiting: ((message: unknown) => void)[] = [];
      const arrive = meddling((message) => {
        const taker = waiting.shift();
        if (taker === undefined) ready.push({ message });
        else taker({ message });
      });
      void pull();
      return () =>
        ready.length > 0 ? Promise.resolve(ready.shift()) : new Promise((resolve) => waiting.push(resolve));

      async function pull(): Promise<void> {
        try {
          for (;;) arrive(String(((await next()) as { message: unknown }).message));
        } catch {
          // The client is closed.
        }
      }
    },
  });
}

/** A client each of whose scripts reaches the server twice; the second answer is lost. */
export function withDoubledScripts<Client extends RedisClient>(client: Client): Client {
  const twice: Change =
    (call) =>
    (...args) => {
      const answer = call(...args);
      void Promise.resolve(call(...args)).catch(() => undefined);
      return answer;
    };
  const custom: Change = (call) => (args) => {
    const isScript = (args as string[])[0]?.startsWith('EVAL') === true;
    return isScript ? twice(call)(args) : call(args);
  };
  return wrap(client, { evalSha: twice, evalsha: twice, eval: twice, customCommand: custom });
}

/** A client that counts scripts and delays their answers until `delay` resolves, if it is set. */
export function withDelay<Client extends RedisClient>(client: Client): Delayed<Client> {
  const delayed: Delayed<Client> = { client, scripts: 0, delay: undefined };
  const late: Change =
    (call) =>
    async (...args) => {
      delayed.scripts++;
      const answer = await call(...args);
      await delayed.delay;
      return answer;
    };
  const custom: Change = (call) => (args) => {
    const isScript = (args as string[])[0]?.startsWith('EVAL') === true;
    return isScript ? late(call)(args) : call(args);
  };
  delayed.client = wrap(client, { evalSha: late, evalsha: late, eval: late, customCommand: custom });
  return delayed;
}

export interface Delayed<Client> {
  client: Client;
  scripts: number;
  delay: Promise<void> | undefined;
}

type Call = (...args: unknown[]) => unknown;
type Change = (call: Call) => Call;

/** `target` with some of its methods changed; each is changed once, so that it can keep something in mind. */
function wrap<Target extends object>(target: Target, changes: Readonly<Record<string, Change>>): Target {
  const changed = new Map<PropertyKey, Call>();
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const call: Call = (...args) => Reflect.apply(value, target, args) as unknown;
      const change = Object.hasOwn(changes, name) ? changes[String(name)] : undefined;
      if (change === undefined) return call;
      const made = changed.get(name) ?? change(call);
      changed.set(name, made);
      return made;
    },
  });
}
