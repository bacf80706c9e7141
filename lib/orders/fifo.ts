import { LinkedList } from '../internal/linked-list.js';
import type { OrderQueue, QueueNode } from './order-queue.js';

/** First in, first out. A newcomer to a full line is refused. */
export class FifoQueue<Node extends QueueNode<Node>> extends LinkedList<Node> implements OrderQueue<Node> {
  readonly isTimed = false;

  get first(): Node | undefined {
    return this.head;
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

  overdue(): undefined {
    return undefined;
  }
}
