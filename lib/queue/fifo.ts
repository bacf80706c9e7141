import { LinkedList } from './linked-list.js';
import type { Queue, QueueNode } from './queue.js';

/** First in, first out. A newcomer to a full line is refused. */
export class FifoQueue<Node extends QueueNode<Node>> extends LinkedList<Node> implements Queue<Node> {
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
