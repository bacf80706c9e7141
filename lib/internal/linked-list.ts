/** What can be in a list. */
export interface ListNode<Node> {
  previous: Node | undefined;
  next: Node | undefined;
}

/** A list whose nodes carry their links. Each operation takes constant time, whatever the length. */
export class LinkedList<Node extends ListNode<Node>> {
  #head: Node | undefined;
  #tail: Node | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one added before all others. */
  get head(): Node | undefined {
    return this.#head;
  }

  /** The one added last. */
  get tail(): Node | undefined {
    return this.#tail;
  }

  /** Puts `node`, which is in no list, at the end. */
  push(node: Node): void {
    node.previous = this.#tail;
    if (this.#tail === undefined) this.#head = node;
    else this.#tail.next = node;
    this.#tail = node;
    this.#size++;
  }

  /** Takes `node`, which is in this list, out of it. */
  remove(node: Node): void {
    if (node.previous === undefined) this.#head = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#tail = node.previous;
    else node.next.previous = node.previous;
    node.previous = node.next = undefined;
    this.#size--;
  }

  /** From head to tail; the one just yielded may be removed. */
  *[Symbol.iterator](): IterableIterator<Node> {
    for (let node = this.#head; node !== undefined;) {
      const next: Node | undefined = node.next;
      yield node;
      node = next;
    }
  }
}
