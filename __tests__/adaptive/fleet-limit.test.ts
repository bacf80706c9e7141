import { FakeClock } from 'express-semaphore/testing';
import { FleetLimit } from '../../lib/adaptive/fleet-limit';
import type { LeaderTurn, SampleExchange } from '../../lib/core/sample-exchange';
import { defer } from '../helpers/serve';
import type { Deferred } from '../helpers/serve';
import { turn } from '../helpers/watch';

const REPORT_MS = 100;

describe('the part of a process in a shared adaptive limit', () => {
  let clock: FakeClock;
  let sent: Deferred<LeaderTurn | undefined>[];
  let errors: unknown[];
  let fleet: FleetLimit;

  beforeEach(() => {
    clock = new FakeClock();
    sent = [];
    errors = [];
    const exchange: SampleExchange = {
      exchange: () => {
        const answer = defer<LeaderTurn | undefined>();
        sent.push(answer);
        return answer.promise;
      },
    };
    const algorithm = { initial: 5, state: 0, next: () => 5 };
    fleet = new FleetLimit(
      exchange,
      algorithm,
      clock,
      { busyMs: () => 0 },
      () => true,
      (error) => errors.push(error),
    );
  });

  /** Adds a sample and lets the time of a report pass. */
  async function report(): Promise<void> {
    fleet.add(clock.now(), 'success');
    clock.advance(REPORT_MS);
    await turn();
  }

  it('reports the samples that were added during an exchange that failed', async () => {
    await report();
    fleet.add(clock.now(), 'success');
    sent[0]?.reject(new Error('Redis is away'));
    await turn();
    clock.advance(REPORT_MS);
    await turn();
    expect([sent.length, errors]).toEqual([2, [new Error('Redis is away')]]);
  });

  it('sends nothing after an exchange that failed until there is a sample', async () => {
    await report();
    sent[0]?.reject(new Error('Redis is away'));
    await turn();
    clock.advance(10 * REPORT_MS);
    await turn();
    expect([sent.length, clock.timers]).toEqual([1, 0]);
    await report();
    expect(sent.length).toBe(2);
  });

  it('tells of no failure after it was closed', async () => {
    await report();
    fleet.close();
    sent[0]?.reject(new Error('Redis is away'));
    await report();
    expect([sent.length, errors, clock.timers]).toEqual([1, [], 0]);
  });

  it('ends its turn without a report of any process', async () => {
    await report();
    sent[0]?.resolve({ nowMs: 1, held: 0, reports: [], state: '' });
    await turn();
    expect([errors, clock.timers]).toEqual([[], 0]);
  });
});
