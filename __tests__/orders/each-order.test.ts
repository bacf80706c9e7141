import { AdaptiveLifoQueue } from '../../lib/orders/adaptive-lifo';
import { FairQueue } from '../../lib/orders/fair';
import { LifoQueue } from '../../lib/orders/lifo';
import { PriorityQueue } from '../../lib/orders/priority';
import type { OrderQueue } from '../../lib/orders/order-queue';
import { collectGarbage } from '../helpers/gc';
import { namesServed, Node } from './node';

function filled<Queue extends OrderQueue<Node>>(
  queue: Queue,
  ...nodes: ConstructorParameters<typeof Node>[0][]
): Queue {
  for (const node of nodes) queue.push(new Node(node));
  return queue;
}

/** One of each letter, in order; the letter is also the flow. */
function each(letters: string): { name: string; flow: string }[] {
  return Array.from(letters, (name) => ({ name, flow: name.toLowerCase() }));
}

const NEWCOMER = new Node({});

describe('LifoQueue', () => {
  it('serves the newest first, and evicts the oldest', () => {
    const queue = filled(new LifoQueue<Node>(), ...each('abc'));
    expect(queue.evictee()?.name).toBe('a');
    expect(namesServed(queue)).toBe('cba');
  });
});

describe('AdaptiveLifoQueue', () => {
  const lasting = (): AdaptiveLifoQueue<Node> =>
    filled(
      new AdaptiveLifoQueue<Node>(5, 100),
      { name: 'a', since: 0 },
      { name: 'b', since: 50 },
      { name: 'c', since: 95 },
      { name: 'd', since: 99 },
    );

  it('serves the oldest first and rejects no waiter while the queue is short-lived', () => {
    const queue = lasting();
    expect([queue.overdue(99.9), queue.evictee(NEWCOMER, 99.9), queue.ahead(NEWCOMER, 99.9)]).toEqual([
      undefined,
      undefined,
      4,
    ]);
    expect(namesServed(queue)).toBe('abcd');
  });

  it('serves the newest first and rejects late waiters once the queue has lasted', () => {
    const queue = lasting();
    const rejected: string[] = [];
    for (let late = queue.overdue(100); late !== undefined; late = queue.overdue(100)) {
      rejected.push(late.name);
      queue.remove(late);
    }
    expect(rejected).toEqual(['a', 'b']);
    expect([queue.evictee(NEWCOMER, 100)?.name, queue.ahead(NEWCOMER, 100)]).toEqual(['c', 0]);
    expect(namesServed(queue)).toBe('dc');
  });

  it('never rejects the only waiter, however long it has waited', () => {
    const queue = filled(new AdaptiveLifoQueue<Node>(5, 100), { name: 'a', since: 0 });
    expect(queue.overdue(10_000)).toBeUndefined();
    expect(namesServed(queue)).toBe('a');
  });

  it('starts again after the queue was empty', () => {
    const queue = lasting();
    queue.overdue(150);
    expect(namesServed(queue)).toBe('dcba');
    filled(queue, { name: 'e', since: 160 }, { name: 'f', since: 161 });
    expect(queue.overdue(259)).toBeUndefined();
    expect(namesServed(queue)).toBe('ef');
  });
});

describe('PriorityQueue', () => {
  it('leaves a newcomer what higher levels do not take, less a part of their variation', () => {
    const queue = new PriorityQueue<Node>(Infinity);
    for (let served = 0; served < 100; served++) {
      filled(queue, { name: 'low' }, { name: 'high', priority: served < 40 ? 5 : 0 });
      queue.shift();
      queue.shift();
    }
    const left = (priority: number, mean: number) =>
      queue.leftFor({ weight: 1, priority, flow: '' }, mean, mean);
    expect(left(5, 100)).toBe(100);
    expect(left(0, 100)).toBeCloseTo(80 - 0.7 * Math.sqrt(20));
    // A few may wait for a lull.
    expect(left(0, 3)).toBe(2.5);
    expect(left(0, 1)).toBeCloseTo(1.6);
  });

  it('serves high before low, and inside a level the first first', () => {
    const queue = filled(
      new PriorityQueue<Node>(Infinity),
      { name: 'a', priority: 0 },
      { name: 'b', priority: -5 },
      { name: 'c', priority: 7 },
      { name: 'd', priority: 0 },
      { name: 'e', priority: 7 },
    );
    expect(queue.ahead(NEWCOMER, 0)).toBe(4);
    expect(namesServed(queue)).toBe('ceadb');
  });

  it('evicts the newest of the lowest level for a higher one, and no waiter for an equal', () => {
    const queue = filled(
      new PriorityQueue<Node>(Infinity),
      { name: 'a', priority: 1 },
      { name: 'b', priority: 1 },
      { name: 'c', priority: 2 },
    );
    expect(queue.evictee(new Node({ priority: 2 }), 0)?.name).toBe('b');
    expect(queue.evictee(new Node({ priority: 1 }), 0)).toBeUndefined();
  });

  it('evicts a waiter of a higher level when no lower one is left', () => {
    const queue = filled(new PriorityQueue<Node>(Infinity), { name: 'low', priority: -1 });
    queue.shift();
    filled(queue, { name: 'middle', priority: 0 });
    expect(queue.evictee(new Node({ priority: 1 }), 0)?.name).toBe('middle');
  });

  it('promotes each waiter by one level every ageMs, up to the top', () => {
    const queue = filled(
      new PriorityQueue<Node>(100),
      { name: 'low', priority: 0, since: 0 },
      { name: 'young', priority: 2, since: 199 },
      { name: 'late', priority: 2, since: 201 },
      { name: 'top', priority: 100, since: 20_000 },
    );
    expect(namesServed(queue)).toBe('topyounglowlate');
  });

  it('evicts the newest waiter that has not risen above the newcomer', () => {
    const queue = filled(new PriorityQueue<Node>(100), { name: 'risen', priority: 0, since: 0 });
    expect(queue.evictee(new Node({ priority: 2 }), 201)).toBeUndefined();
    expect(queue.evictee(new Node({ priority: 2 }), 200)).toBeUndefined();
    expect(queue.evictee(new Node({ priority: 2 }), 199)?.name).toBe('risen');
    filled(queue, { name: 'early', priority: 1, since: 250 }, { name: 'latest', priority: 1, since: 260 });
    expect(queue.evictee(new Node({ priority: 2 }), 300)?.name).toBe('latest');
    expect(queue.evictee(new Node({ priority: 1 }), 300)).toBeUndefined();
    expect(queue.evictee(new Node({ priority: 100 }), 300)?.name).toBe('latest');
  });
});

describe('FairQueue', () => {
  it('serves one of each flow in turn, so that a burst delays a single one by one round at most', () => {
    const queue = filled(new FairQueue<Node>(() => 1), ...each('aaaaaa'), ...each('bb'), ...each('c'));
    expect(queue.ahead(new Node({ flow: 'new' }))).toBe(3);
    expect(namesServed(queue)).toBe('abcabaaaa');
  });

  it('gives a flow with a greater share more of each round', () => {
    const queue = filled(
      new FairQueue<Node>((flow) => (flow === 'a' ? 3 : 1)),
      ...each('aaaaaa'),
      ...each('bbb'),
    );
    expect(namesServed(queue)).toBe('aaabaaabb');
  });

  it('lets a heavy one save for as many rounds as it weighs', () => {
    const queue = filled(
      new FairQueue<Node>(() => 1),
      ...each('b'),
      { name: 'A', flow: 'a', weight: 3 },
      ...each('bbb'),
    );
    expect(namesServed(queue)).toBe('bbbAb');
  });

  it('serves large weights in the same order, and skips the rounds without a waiter that fits', () => {
    const queue = filled(
      new FairQueue<Node>(() => 1),
      ...each('x'),
      { name: 'A', flow: 'a', weight: 5e12 },
      { name: 'B', flow: 'b', weight: 3e12 },
      { name: 'C', flow: 'b', weight: 4e12 },
    );
    expect(namesServed(queue)).toBe('xBAC');
  });

  it('queues a flow that returns often behind the other flows', () => {
    const queue = filled(new FairQueue<Node>(() => 1), ...each('aaa'), ...each('b'));
    const served: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let turn = 0; turn < 2; turn++) {
        served.push(queue.first?.name ?? '');
        queue.shift();
      }
      filled(queue, ...each('b'));
    }
    expect(served.join('')).toBe('ababab');
  });

  it('says how many go before a newcomer: of each flow as many as have a turn by then', () => {
    const queue = filled(
      new FairQueue<Node>((flow) => (flow === 'a' ? 2 : 1)),
      ...each('bbb'),
      ...each('ccc'),
      ...each('aaa'),
    );
    expect(queue.ahead(new Node({ flow: 'a' }))).toBe(7);
    expect(queue.ahead(new Node({ flow: 'b' }))).toBe(9);
    expect(queue.ahead(new Node({ flow: 'new' }))).toBe(3);
    filled(queue, { name: '!', flow: 'a' });
    expect(namesServed(queue)).toBe('bcaabca!bc');
  });

  it('gives no flow a second turn because another flow has left', () => {
    const queue = filled(new FairQueue<Node>(() => 1), ...each('aa'));
    const leaving = new Node({ flow: 'b' });
    queue.push(leaving);
    filled(queue, ...each('c'));
    queue.remove(leaving);
    expect(namesServed(queue)).toBe('aca');
  });

  it('knows the longest flow when another was the longest before', () => {
    const queue = new FairQueue<Node>(() => 1);
    const long = each('aaaa').map((node) => new Node(node));
    for (const node of long) queue.push(node);
    filled(queue, ...each('bb'), ...each('cc'));
    expect(queue.evictee(NEWCOMER)?.name).toBe('a');
    for (const node of long) queue.remove(node);
    expect(queue.evictee(NEWCOMER)?.name).toBe('b');
    filled(queue, ...each('c'));
    expect(queue.evictee(NEWCOMER)?.name).toBe('c');
  });

  it('remembers nothing of flows that have gone', async () => {
    const queue = new FairQueue<Node>(() => 1);
    const heapAfter = async (flows: number): Promise<number> => {
      for (let n = 0; n < flows; n++) {
        queue.push(new Node({ flow: String(n) }));
        queue.shift();
      }
      await collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const few = await heapAfter(100);
    // A flow takes some 200 bytes.
    expect((await heapAfter(60_000)) - few).toBeLessThan(4_000_000);
  });

  it('evicts no waiter for a newcomer whose share is unknown', () => {
    const queue = new FairQueue<Node>((flow) => {
      if (flow === 'unknown') throw new Error('no such tenant');
      return 1;
    });
    filled(queue, ...each('aaa'));
    expect(() => queue.evictee(new Node({ flow: 'unknown' }))).toThrow('no such tenant');
    expect(queue.evictee(new Node({ flow: 'known' }))?.flow).toBe('a');
  });

  it('evicts the newest of the longest flow for a newcomer of a shorter flow', () => {
    const queue = filled(
      new FairQueue<Node>(() => 1),
      { name: 'a1', flow: 'a' },
      { name: 'a2', flow: 'a' },
      { name: 'b1', flow: 'b' },
    );
    expect(queue.evictee(new Node({ flow: 'c' }))?.name).toBe('a2');
    expect(queue.evictee(new Node({ flow: 'b' }))).toBeUndefined();
    expect(queue.evictee(new Node({ flow: 'a' }))).toBeUndefined();
  });
});
