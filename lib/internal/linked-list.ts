/** A node of a list. */
export interface ListNode<Node> {
  previous: Node | undefined;
  next: Node | undefined;
}

/** A list whose nodes carry their links. Each operation takes constant time. */
export class LinkedList<Node extends ListNode<Node>> {
  #head: Node | undefined;
  #tail: Node | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The oldest node. */
  get head(): Node | undefined {
    return this.#head;
  }

  /** The newest node. */
  get tail(): Node | undefined {
    return this.#tail;
  }

  /** Appends `node`, which must be in no list. */
  push(node: Node): void {
    node.previous = this.#tail;
    if (this.#tail === undefined) this.#head = node;
    else this.#tail.next = node;
    this.#tail = node;
    this.#size++;
  }

  /** Removes `node`, which must be in this list. */
  remove(node: Node): void {
    if (node.previous === undefined) this.#head = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#tail = node.previous;
    else node.next.previous = node.previous;
    node.previous = node.next = undefined;
    this.#size--;
  }

  /** From head to tail. The node that was yielded may be removed. */
  *[Symbol.iterator](): IterableIterator<Node> {
    for (let node = this.#head; node !== undefined;) {
      const next: Node | undefined = node.next;
      yield node;
      node = next;
    }
  }
}
