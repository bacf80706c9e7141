import { createClient } from 'redis';
import type { Random } from '../../../bench/sim/random';
import { KeyedSemaphore } from '../../../lib';
import { RedisSemaphore } from '../../../lib/redis';
import { readState } from '../../helpers/redis-state';
import { RedisServer } from '../../helpers/redis-server';
import { until } from '../../helpers/serve';
import { TcpProxy } from '../../helpers/tcp-proxy';
import { now } from './checker';
import { Fleet } from './fleet';
import type { WorkerTerms } from './fleet';

/** A fault, and what must hold under it; throws where it does not, and returns what it measured. */
export type Scenario = (random: Random) => Promise<string>;

const PERMITS = 4;
const LEASE_MS = 1_500;
const CLAIM_MS = 1_500;
/** What processes on a loaded machine may be late by, in milliseconds, beyond what is promised. */
const SLACK_MS = 750;
const HOUR_MS = 3_600_000;
const USERS = 100_000;
const CLIENT_NAMES = ['node-redis', 'ioredis'] as const;

const SEMAPHORE = { name: 'soak', permits: PERMITS, leaseMs: LEASE_MS, expectedNodes: 3 };
/** Where Redis never fails, a slow machine must not look like a Redis that does, and the policy for that must not step in. */
const STRICT = { semaphore: { ...SEMAPHORE, timeoutMs: 10_000 } };

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'nothing goes wrong': (random) =>
    inFleet(random, STRICT, async ({ fleet }) => {
      await pause(3_000);
      return `peak ${expectPeak(fleet, PERMITS)}`;
    }),

  'holders are killed': (random) =>
    inFleet(random, STRICT, async ({ fleet, start }) => {
      for (let i = 0; i < 3; i++) {
        await pause(random.integer(200, 1_200));
        const victim = random.pick(fleet.alive)[0] ?? 0;
        fleet.signal(victim, 'SIGKILL');
        await start();
      }
      const from = now();
      await pause(LEASE_MS + 1_000);
      const back = fleet.checker.reaches(PERMITS, from);
      check(back !== undefined, 'capacity did not come back within a lease and a second');
      return `peak ${expectPeak(fleet, PERMITS)}, capacity back after ${Math.round(back - from)} ms`;
    }),

  'a process with many waiters is killed': (random) =>
    inFleet(random, { ...STRICT, workers: 5 }, async ({ fleet, start }) => {
      const victim = await start({ workers: 300 });
      await pause(random.integer(1_000, 1_500));
      const from = now();
      fleet.signal(victim, 'SIGKILL');
      const ms = CLAIM_MS * 2 + LEASE_MS + 2_000;
      await pause(ms);
      const longest = fleet.checker.longestPause(from, from + ms);
      // The permits that it held itself are missed for a lease; nobody waits for more than one claim on top.
      check(longest <= Math.max(LEASE_MS, CLAIM_MS * 1.1) + SLACK_MS, `nobody was served for ${longest} ms`);
      return `peak ${expectPeak(fleet, PERMITS)}, longest pause ${Math.round(longest)} ms`;
    }),

  'Redis is killed and comes back empty': (random) =>
    inFleet(random, {}, async ({ fleet, server }) => {
      await pause(random.integer(500, 1_000));
      await server.kill();
      await pause(random.integer(200, 2_500));
      // The pause can be shorter than the time after which Redis counts as down.
      await until(() => fleet.checker.count('stats', 'down') > 0, 10_000);
      await server.restart();
      const back = now();
      await pause(LEASE_MS + 3_000);
      const peak = expectPeak(fleet, PERMITS, back + LEASE_MS + SLACK_MS);
      return `peak ${fleet.checker.peak()} meanwhile, ${peak} after a lease`;
    }),

  'Redis is paused': (random) =>
    inFleet(random, {}, async ({ fleet, server }) => {
      for (const ms of [random.integer(300, 1_000), random.integer(2_000, 3_000)]) {
        await pause(500);
        server.signal('SIGSTOP');
        const from = now();
        await pause(ms);
        check(fleet.checker.longestPause(from, from + ms) < 250 + SLACK_MS, 'callers were not answered');
        server.signal('SIGCONT');
        await pause(2_000);
      }
      const peak = expectPeak(fleet, PERMITS, now() - 500);
      return `peak ${fleet.checker.peak()} meanwhile, ${peak} in the end`;
    }),

  'a process is paused for longer than its lease': (random) =>
    // Holds outlast the pause, so the process that goes on with one learns that it is lost.
    inFleet(random, { workers: 2, holdMs: LEASE_MS + 6_000 }, async ({ fleet }) => {
      await pause(random.integer(500, 1_000));
      const victim = fleet.checker.intervals().at(-1)?.node ?? 0;
      fleet.signal(victim, 'SIGSTOP');
      await pause(LEASE_MS + 1_000);
      const before = fleet.checker.count('lost');
      const resumed = now();
      fleet.signal(victim, 'SIGCONT');
      await pause(2_000);
      const late = fleet.checker
        .intervals()
        .filter(
          ({ node, from, to }) => node === victim && from < resumed - LEASE_MS && to > resumed + SLACK_MS,
        );
      check(late.length === 0, `${late.length} continued under a lost lease`);
      const lost = fleet.checker.count('lost') - before;
      check(lost > 0, 'no process noticed that a lease was lost');
      return `${lost} leases lost, peak ${fleet.checker.peak(resumed + SLACK_MS)} afterwards`;
    }),

  'the network cuts, delays and goes one way': (random) =>
    inFleet(random, {}, async ({ fleet, proxy }) => {
      for (let i = 0; i < 6; i++) {
        await pause(random.integer(200, 600));
        const fault = random.integer(0, 3);
        if (fault === 0) proxy.cut();
        else if (fault === 1) proxy.delay(random.integer(1, 40));
        else proxy.block(...(fault === 2 ? (['up'] as const) : (['down'] as const)));
        await pause(random.integer(50, 800));
        proxy.delay(0);
        proxy.unblock();
        if (fault > 1) proxy.cut();
      }
      await pause(LEASE_MS + 1_000);
      const from = now();
      await pause(1_000);
      const peak = expectPeak(fleet, PERMITS, from);
      return `peak ${fleet.checker.peak()} meanwhile, ${peak} in the end`;
    }),

  'the clocks of processes are an hour wrong': (random) =>
    inFleet(random, { ...STRICT, holdMs: 60 }, async ({ fleet, start }) => {
      const wrong = [await start({ clockOffMs: HOUR_MS }), await start({ clockOffMs: -HOUR_MS })];
      // Some renewals long, or a lease that is counted wrongly would not show.
      await pause(2 * LEASE_MS);
      const served = fleet.checker.intervals().filter(({ node }) => wrong.includes(node)).length;
      check(served > 0, 'those with a wrong clock were never served');
      check(fleet.checker.count('lost') === 0, 'a lease was lost');
      check(fleet.checker.count('rejected') === 0, 'a caller was rejected');
      return `peak ${expectPeak(fleet, PERMITS)}, ${served} served with a wrong clock`;
    }),

  '100,000 users come and go': async () => {
    await using server = await RedisServer.start();
    const client = createClient({ socket: { host: '127.0.0.1', port: server.port } });
    await client.connect();
    try {
      const users = new KeyedSemaphore(
        (name) => new RedisSemaphore(client, { name, permits: 2, leaseMs: LEASE_MS, timeoutMs: 10_000 }),
      );
      for (let user = 0; user < USERS; user += 1_000) {
        const keys = Array.from({ length: 1_000 }, (_, i) => `user ${user + i}`);
        const permits = await Promise.all(keys.map((key) => users.acquire(key)));
        for (const permit of permits) permit.release();
      }
      await users.idle();
      const keys = await client.dbSize();
      check(keys > 0, 'there was never a key');
      const idle = now();
      // The server sweeps what has expired when it has time.
      while ((await client.dbSize()) > 0) {
        check(now() - idle < 4 * LEASE_MS, `${await client.dbSize()} keys after 4 leases`);
        await pause(50);
      }
      return `${keys} keys at the end, none ${Math.round(now() - idle)} ms later (4 leases are ${4 * LEASE_MS} ms)`;
    } finally {
      client.destroy();
    }
  },

  'Redis is paused often, always for less than a lease': (random) =>
    inFleet(
      random,
      { holdMs: 200, semaphore: { ...SEMAPHORE, leaseMs: 8_000 } },
      async ({ fleet, server }) => {
        for (let i = 0; i < 5; i++) {
          await pause(random.integer(300, 900));
          server.signal('SIGSTOP');
          await pause(random.integer(100, 1_500));
          server.signal('SIGCONT');
        }
        await pause(3_000);
        check(fleet.checker.count('lost') === 0, `${fleet.checker.count('lost')} leases were lost`);
        const bound = PERMITS + 3 * Math.ceil(PERMITS / 3);
        const peak = fleet.checker.peak();
        check(peak <= bound, `${peak} held at once, which is above the bound of 'local', ${bound}`);
        return `no lease lost, peak ${peak} of ${bound}, ${expectPeak(fleet, PERMITS, now() - 1_000)} in the end`;
      },
    ),

  'each key is evicted in turn': (random) =>
    inFleet(random, STRICT, async ({ fleet, command }) => {
      let longest = 0;
      for (const part of ['h', 'q', 'm', 'h', 'q', 'm']) {
        await pause(random.integer(200, 600));
        const from = now();
        await command('DEL', `{semaphore:soak}:${part}`);
        await pause(LEASE_MS + SLACK_MS);
        longest = Math.max(longest, fleet.checker.longestPause(from, now()));
        check(fleet.checker.peak(now() - 100) <= PERMITS, 'the count was wrong for longer than a lease');
      }
      check(longest <= LEASE_MS + SLACK_MS, `nobody was granted for ${longest} ms`);
      return `peak ${fleet.checker.peak()}, longest pause ${Math.round(longest)} ms`;
    }),

  'one limit of a client has a key of another type': async () => {
    await using server = await RedisServer.start();
    const client = createClient({ socket: { host: '127.0.0.1', port: server.port } });
    await client.connect();
    try {
      const options = { permits: 2, onUnavailable: 'closed', timeoutMs: 2_000 } as const;
      const good = new RedisSemaphore(client, { name: 'good', ...options });
      await good.ready();
      await client.set('{semaphore:bad}:m', 'a text');
      await client.hSet('{semaphore:worse}:h', 'a', 'hash');
      let granted = 0;
      const end = now() + 6_000;
      const failing = ['bad', 'worse'].map(async (name) => {
        const limit = new RedisSemaphore(client, { name, ...options });
        await limit.acquire().then(
          () => {
            check(false, `${name} was granted`);
          },
          (error: unknown) => {
            check(String((error as Error).cause).length > 0, 'the error has no cause');
          },
        );
      });
      while (now() < end) granted += await good.run(() => 1);
      await Promise.all(failing);
      return `${granted} grants of the good limit, no failure`;
    } finally {
      client.destroy();
    }
  },

  'rights are taken and given back': (random) =>
    inFleet(random, {}, async ({ fleet, command }) => {
      for (const right of ['zadd', 'evalsha', 'publish']) {
        await pause(random.integer(300, 800));
        await command('ACL', 'SETUSER', 'default', `-${right}`);
        await pause(random.integer(500, 2_000));
        await command('ACL', 'SETUSER', 'default', `+${right}`);
      }
      await pause(LEASE_MS + 2_000);
      return `peak ${fleet.checker.peak()} meanwhile, ${expectPeak(fleet, PERMITS, now() - 1_000)} in the end`;
    }),

  'event loops stall for 300 ms': (random) =>
    inFleet(random, { stallMs: 300, semaphore: { ...SEMAPHORE, leaseMs: 8_000 } }, async ({ fleet }) => {
      await pause(8_000);
      check(fleet.checker.count('stats', 'down') === 0, 'a healthy Redis counted as down');
      return `peak ${expectPeak(fleet, PERMITS)}, never down`;
    }),

  'processes use two objects of one name': (random) =>
    inFleet(random, { ...STRICT, objects: 2 }, async ({ fleet }) => {
      // A process that has just started has no subscription yet, so its first waiters may poll.
      await pause(3_000);
      const from = now();
      await pause(3_000);
      const longest = fleet.checker.longestPause(from, from + 3_000);
      check(longest < SLACK_MS, `nobody was granted for ${longest} ms`);
      return `peak ${expectPeak(fleet, PERMITS)}, longest pause ${Math.round(longest)} ms`;
    }),

  'clients are closed and opened again': (random) =>
    inFleet(random, { ...STRICT, client: 'node-redis', reopens: true }, async ({ fleet }) => {
      await pause(6_000);
      check(fleet.checker.count('rejected') === 0, 'somebody was rejected');
      return `peak ${expectPeak(fleet, PERMITS)}, no rejection`;
    }),

  '6,000 keys are held while Redis is paused': async () => {
    await using server = await RedisServer.start();
    const client = createClient({ socket: { host: '127.0.0.1', port: server.port } });
    await client.connect();
    try {
      const limits = Array.from(
        { length: 6_000 },
        (_, i) => new RedisSemaphore(client, { name: `held ${i}`, permits: 1, leaseMs: 10_000 }),
      );
      const permits = await Promise.all(limits.map((limit) => limit.acquire()));
      let lost = 0;
      for (const { signal } of permits) signal.addEventListener('abort', () => lost++);
      server.signal('SIGSTOP');
      await pause(4_000);
      server.signal('SIGCONT');
      let downs = 0;
      for (let i = 0; i < 100; i++) {
        if (i > 20 && limits[0]?.stats().backend === 'down') downs++;
        await pause(100);
      }
      check(lost === 0, `${lost} leases were lost`);
      check(downs === 0, 'Redis counted as down after it was back');
      for (const permit of permits) permit.release();
      await Promise.all(limits.map((limit) => limit.idle()));
      return 'no lease lost';
    } finally {
      client.destroy();
    }
  },

  'scripts are flushed under load': (random) =>
    inFleet(random, STRICT, async ({ fleet, command }) => {
      for (let i = 0; i < 100; i++) {
        await command('SCRIPT', 'FLUSH');
        await pause(20);
      }
      check(fleet.checker.count('rejected') === 0, 'a caller was rejected');
      return `peak ${expectPeak(fleet, PERMITS)}, no rejection`;
    }),
};

interface Stage {
  readonly fleet: Fleet;
  readonly server: RedisServer;
  /** On the way of every process. */
  readonly proxy: TcpProxy;
  readonly start: (terms?: Partial<WorkerTerms>) => Promise<number>;
  readonly command: (...args: string[]) => Promise<unknown>;
}

/** Three processes with ten workers each that have more to do than there are permits, and at the end an empty state. */
async function inFleet(
  random: Random,
  terms: Partial<WorkerTerms>,
  play: (stage: Stage) => Promise<string>,
): Promise<string> {
  await using server = await RedisServer.start();
  await using proxy = await TcpProxy.to(server.port);
  await using fleet = new Fleet();
  const client = createClient({ socket: { host: '127.0.0.1', port: server.port } });
  client.on('error', () => undefined);
  await client.connect();
  const start = (own: Partial<WorkerTerms> = {}) =>
    fleet.start({
      client: random.pick(CLIENT_NAMES)[0] ?? 'ioredis',
      port: proxy.port,
      workers: 10,
      holdMs: 20,
      semaphore: SEMAPHORE,
      ...terms,
      ...own,
    });
  try {
    for (let i = 0; i < 3; i++) await start();
    const result = await play({
      fleet,
      server,
      proxy,
      start,
      command: (...args) => client.sendCommand(args),
    });
    await fleet.stop();
    const unhandled = fleet.checker.events.find(({ event }) => event === 'unhandled');
    check(unhandled === undefined, `nobody handled a rejection: ${unhandled?.detail}`);
    // Whatever has run out is struck out by the next who looks.
    await new RedisSemaphore(client, { name: 'soak', permits: PERMITS, leaseMs: LEASE_MS }).ready();
    const { used } = await readState((...args) => client.sendCommand(args), 'soak');
    const left = (await client.zRange('{semaphore:soak}:h', 0, -1)).filter((member) => member !== '');
    const sum = left.reduce((total, member) => total + Number(member.split('.')[2]), 0);
    check(used === sum, `used is ${used}, but ${sum} are held`);
    return result;
  } finally {
    client.destroy();
  }
}

/** From then on no more than all permits were out, and all of them were. */
function expectPeak(fleet: Fleet, permits: number, from?: number): number {
  const peak = fleet.checker.peak(from);
  check(peak <= permits, `${peak} held at once`);
  check(peak === permits, `only ${peak} ever held at once`);
  return peak;
}

function check(isTrue: boolean, otherwise: string): asserts isTrue {
  if (!isTrue) throw new Error(otherwise);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
