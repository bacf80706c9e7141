import { LinkedList } from '../internal/linked-list.js';
import type { OrderQueue, QueueNode } from './order-queue.js';

/** Last in, first out. A newcomer to a full line takes the place of whoever has waited for longest. */
export class LifoQueue<Node extends QueueNode<Node>> extends LinkedList<Node> implements OrderQueue<Node> {
  readonly isTimed = false;

  get first(): Node | undefined {
    return this.tail;
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

  overdue(): undefined {
    return undefined;
  }
}
