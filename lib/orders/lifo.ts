import { LinkedList } from '../internal/linked-list.js';
import { readOptions, unchecked } from '../internal/options.js';
import type { OrderQueue, QueueNode } from './order-queue.js';

/** Last in, first out. A newcomer also passes a heavy waiter that gathers permits. */
export interface LifoOrder {
  readonly name: 'lifo';
}

export const lifo = {
  name: 'lifo',
  create<Node extends QueueNode<Node>>(options: LifoOrder): OrderQueue<Node> {
    readOptions('the order lifo', options, { name: unchecked });
    return new LifoQueue<Node>();
  },
} as const;

/** Last in, first out. A newcomer evicts the oldest waiter of a full queue. */
export class LifoQueue<Node extends QueueNode<Node>> extends LinkedList<Node> implements OrderQueue<Node> {
  readonly isTimed = false;

  get first(): Node | undefined {
    return this.tail;
  }

  permitsFor(_priority: number, permits: number): number {
    return permits;
  }

  shift(): void {
    if (this.tail !== undefined) this.remove(this.tail);
  }

  ahead(): number {
    return 0;
  }

  evictee(): Node | undefined {
    return this.head;
  }
}
