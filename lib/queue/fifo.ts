/** What can stand in a queue: it carries its own links, so it can leave from anywhere in constant time. */
export interface QueueNode<Node> {
  previous: Node | undefined;
  next: Node | undefined;
}

/** First in, first out. Each operation takes constant time, whatever the length. */
export class FifoQueue<Node extends QueueNode<Node>> {
  #first: Node | undefined;
  #last: Node | undefined;
  #size = 0;

  /** How many stand in line. */
  get size(): number {
    return this.#size;
  }

  /** Who is served next. */
  get first(): Node | undefined {
    return this.#first;
  }

  /** Puts `node`, which is in no queue, at the end. */
  push(node: Node): void {
    node.previous = this.#last;
    if (this.#last === undefined) this.#first = node;
    else this.#last.next = node;
    this.#last = node;
    this.#size++;
  }

  /** Takes `node`, which is in this queue, out of it. */
  remove(node: Node): void {
    if (node.previous === undefined) this.#first = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#last = node.previous;
    else node.next.previous = node.previous;
    node.previous = node.next = undefined;
    this.#size--;
  }

  /** From the first to the last; the one just yielded may be removed. */
  *[Symbol.iterator](): IterableIterator<Node> {
    for (let node = this.#first; node !== undefined;) {
      const next: Node | undefined = node.next;
      yield node;
      node = next;
    }
  }
}
