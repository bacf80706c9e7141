import { LinkedList } from '../internal/linked-list.js';
import { readOptions, unchecked } from '../internal/options.js';
import type { OrderQueue, QueueNode } from './order-queue.js';

/** First in, first out. */
export interface FifoOrder {
  readonly name: 'fifo';
}

export const fifo = {
  name: 'fifo',
  create<Node extends QueueNode<Node>>(options: FifoOrder): OrderQueue<Node> {
    readOptions('the order fifo', options, { name: unchecked });
    return new FifoQueue<Node>();
  },
} as const;

/** First in, first out. A full queue rejects the newcomer. */
export class FifoQueue<Node extends QueueNode<Node>> extends LinkedList<Node> implements OrderQueue<Node> {
  readonly isTimed = false;

  get first(): Node | undefined {
    return this.head;
  }

  permitsFor(_priority: number, permits: number): number {
    return permits;
  }

  shift(): void {
    if (this.head !== undefined) this.remove(this.head);
  }

  ahead(): number {
    return this.size;
  }

  evictee(): undefined {
    return undefined;
  }
}
