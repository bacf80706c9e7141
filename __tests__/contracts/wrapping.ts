import { withSemaphore } from 'express-semaphore';
import { defer } from '../helpers/serve';
import { states, watch } from '../helpers/watch';
import { itByArrival } from './subject';
import type { MakeSubject, Traits } from './subject';

export function describeWrapping(make: MakeSubject, traits: Traits): void {
  const inOrder = itByArrival(traits);

  inOrder('limits a wrapped function, and takes the permit back whichever way a call ends', async () => {
    await using subject = await make(2, { queueLimit: 1 });
    const work = [defer<string>(), defer<string>(), defer<string>()];
    const started: number[] = [];
    const wrapped = withSemaphore(subject.limiter)(async (n: number) => {
      started.push(n);
      return work[n]?.promise;
    });
    const calls = [0, 1, 2, 3].map((n) => watch(wrapped(n)));
    await subject.settle();
    expect(started).toEqual([0, 1]);
    expect(states(calls)).toEqual(['pending', 'pending', 'pending', 'rejected']);
    expect(calls[3]?.reason).toMatchObject({ code: 'ERR_SEMAPHORE_QUEUE_FULL' });
    const failure = new Error('no such thing');
    work[0]?.reject(failure);
    await subject.settle();
    expect(calls[0]?.reason).toBe(failure);
    expect(started).toEqual([0, 1, 2]);
    work[1]?.resolve('one');
    work[2]?.resolve('two');
    await subject.settle();
    await subject.limiter.idle();
    expect([calls[1]?.value, calls[2]?.value]).toEqual(['one', 'two']);
    // How long work took that failed says nothing of the load.
    expect(subject.limiter.stats().released).toEqual({ success: 2, overload: 0, ignore: 1 });
  });
}
