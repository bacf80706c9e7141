import assert from 'node:assert/strict';
import { AdaptiveLifoQueue } from '../../lib/orders/adaptive-lifo';
import { createQueue, ORDER_NAMES } from '../../lib/orders';
import { FairQueue } from '../../lib/orders/fair';
import { PriorityQueue } from '../../lib/orders/priority';
import type { OrderQueue } from '../../lib/orders/order-queue';
import { Node, serveAll } from './node';
import { seeded } from '../helpers/random';

const MAKERS: Record<string, () => OrderQueue<Node>> = {
  ...Object.fromEntries(ORDER_NAMES.map((name) => [name, () => createQueue<Node>(name)])),
  'adaptive-lifo of short times': () => new AdaptiveLifoQueue(5, 100),
  'priority with ageing': () => new PriorityQueue(50),
  fair: () => new FairQueue(() => 1),
  'weighted fair': () => new FairQueue((flow) => flow.charCodeAt(0) % 4 || 1),
};

describe.each(Object.entries(MAKERS))('the order %s', (_name, make) => {
  it('holds exactly the waiters that have entered and not left, in any sequence of calls', () => {
    const random = seeded();
    const queue = make();
    const waiting = new Set<Node>();
    let now = 0;
    for (let step = 0; step < 5_000; step++) {
      now += random.integer(0, 20);
      const [leaving] = random.pick([...waiting]);
      const node = new Node({
        weight: random.integer(1, 4),
        priority: random.integer(-3, 100),
        flow: 'abcdefg'[random.integer(0, 6)] ?? '',
        since: now,
      });
      const { first } = queue;
      switch (random.integer(0, 4)) {
        case 0:
        case 1:
          assert(queue.ahead(node, now) <= queue.size);
          waiting.add(node);
          queue.push(node);
          break;
        case 2:
          queue.shift();
          if (first !== undefined) waiting.delete(first);
          break;
        case 3:
          if (leaving !== undefined) queue.remove(leaving);
          if (leaving !== undefined) waiting.delete(leaving);
          break;
        default:
          for (let late = queue.overdue?.(now); late !== undefined; late = queue.overdue?.(now)) {
            assert.notEqual(late, queue.first);
            queue.remove(late);
            waiting.delete(late);
          }
      }
      // Not by `expect`, which would take most of the time.
      assert.equal(queue.size, waiting.size);
      assert.equal(queue.first === undefined, waiting.size === 0);
      if (queue.first !== undefined) assert(waiting.has(queue.first));
      if (step % 100 === 0) expect(new Set(queue)).toEqual(waiting);
    }
    for (const node of queue) queue.remove(node);
    expect([queue.size, queue.first, [...queue]]).toEqual([0, undefined, []]);
  });

  it('has 0 ahead only of a node that would be the first', () => {
    const random = seeded();
    const queue = make();
    for (let now = 0; now < 2_000; now++) {
      const node = new Node({
        priority: random.integer(0, 3),
        flow: 'abc'[random.integer(0, 2)] ?? '',
        since: now,
      });
      queue.overdue?.(now);
      const wouldLead = queue.ahead(node, now) === 0;
      queue.push(node);
      queue.overdue?.(now);
      expect(queue.first === node).toBe(wouldLead);
      if (queue.size > random.integer(0, 10)) queue.shift();
    }
  });

  it('serves 100,000 waiters of as many flows, half of which leave from the middle', () => {
    const queue = make();
    const nodes = Array.from(
      { length: 100_000 },
      (_, index) => new Node({ flow: String(index), priority: index % 50, since: index }),
    );
    for (const node of nodes) queue.push(node);
    for (const node of nodes.filter((_, index) => index % 2 === 1)) queue.remove(node);
    expect(serveAll(queue)).toHaveLength(50_000);
    expect(queue.size).toBe(0);
  });
});
