import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from '../../example-server/app';
import { createLimiters } from '../../example-server/limiters';
import { readStats } from '../../example-server/read-stats';
import { Work } from '../../example-server/work';
import { seeded } from '../helpers/random';
import { serve, until } from '../helpers/serve';
import { pay, planVisits } from './visit';

const REQUESTS = 10_000;

/** Connections at a time: more than the limit of the app, so many requests queue. */
const CLIENTS = 200;

test('10,000 mixed requests, a third of them reset at random moments, leave no permit held and no waiter', async () => {
  const random = seeded();
  const visits = planVisits(random, REQUESTS);
  const reset = visits.filter((visit) => visit.reset !== undefined);
  expect(reset.flatMap(({ requests }) => requests).length).toBeGreaterThan(REQUESTS / 3);

  const limiters = createLimiters();
  // Long enough that requests queue and some are rejected.
  const work = new Work(() => sleep(random.integer(0, 80)));
  await using server = await serve(createApp({ limiters, work }));

  const statuses = new Set<string>();
  const unanswered: string[] = [];
  const toPay = visits.values();
  const client = async () => {
    for (const visit of toPay) {
      const answers = await pay(server.port, visit);
      for (const status of answers) statuses.add(status);
      if (visit.reset === undefined && answers.length !== visit.requests.length) {
        unanswered.push(`${answers.join()} to ${visit.requests.join('').slice(0, 300)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));

  expect(unanswered).toEqual([]);
  expect([...statuses].filter((status) => !['429', '503'].includes(status)).sort()).toEqual([
    '200',
    '201',
    '202',
  ]);
  await until(async () => (await leftOver(server.url)).length === 0).catch(() => undefined);
  expect(await leftOver(server.url)).toEqual([]);

  const limits = { users: 3, orders: 10, reports: 2, events: 2, exports: 1 };
  for (const [name, limit] of Object.entries(limits)) {
    expect(work.concurrency[name]?.running).toBe(0);
    expect(work.concurrency[name]?.highest).toBeLessThanOrEqual(limit);
  }
  // Some clients left while they were queued.
  expect(limiters.users.stats().aborted + limiters.orders.stats().aborted).toBeGreaterThan(0);
}, 300_000);

/** The limiters of `/stats` with permits held or callers waiting. */
async function leftOver(url: string): Promise<string[]> {
  const stats = await readStats(url);
  const counts = stats.names('limiters').flatMap((limiter) => [
    ['limiters', limiter, 'held'],
    ['limiters', limiter, 'waiting'],
  ]);
  expect(counts.length).toBeGreaterThan(0);
  return counts
    .map((path) => `${path.join('.')}: ${stats.number(...path)}`)
    .filter((line) => !line.endsWith(': 0'));
}
