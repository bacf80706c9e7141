import { LinkedList } from '../../lib/internal/linked-list';
import type { ListNode } from '../../lib/internal/linked-list';

/** A node that counts how often its links are looked at or changed. */
class CountingNode implements ListNode<CountingNode> {
  static touched = 0;
  readonly name: string;
  #previous: CountingNode | undefined;
  #next: CountingNode | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get previous(): CountingNode | undefined {
    CountingNode.touched++;
    return this.#previous;
  }

  set previous(node: CountingNode | undefined) {
    CountingNode.touched++;
    this.#previous = node;
  }

  get next(): CountingNode | undefined {
    CountingNode.touched++;
    return this.#next;
  }

  set next(node: CountingNode | undefined) {
    CountingNode.touched++;
    this.#next = node;
  }
}

function queueOf(names: string[]): [queue: LinkedList<CountingNode>, nodes: CountingNode[]] {
  const queue = new LinkedList<CountingNode>();
  const nodes = names.map((name) => new CountingNode(name));
  for (const node of nodes) queue.push(node);
  return [queue, nodes];
}

function namesIn(queue: LinkedList<CountingNode>): string {
  return [...queue].map(({ name }) => name).join('');
}

function pick(nodes: readonly CountingNode[], index: number): CountingNode {
  const node = nodes[index];
  if (node === undefined) throw new RangeError(`no node ${index}`);
  return node;
}

describe('LinkedList', () => {
  it('is empty at first, and after the last has left', () => {
    const [queue, [only]] = queueOf(['a']);
    expect([new LinkedList().size, new LinkedList().head]).toEqual([0, undefined]);
    expect([queue.size, queue.head]).toEqual([1, only]);
    if (only !== undefined) queue.remove(only);
    expect([queue.size, queue.head, namesIn(queue)]).toEqual([0, undefined, '']);
  });

  it.each([
    ['first', 0, 'bcde'],
    ['middle', 2, 'abde'],
    ['last', 4, 'abcd'],
  ])('lets the %s leave and keeps the others in order', (_where, index, left) => {
    const [queue, nodes] = queueOf(Array.from('abcde'));
    const leaving = pick(nodes, index);
    queue.remove(leaving);
    expect(namesIn(queue)).toBe(left);
    expect([queue.size, queue.head?.name]).toEqual([4, left[0]]);
    expect([leaving.previous, leaving.next]).toEqual([undefined, undefined]);
    queue.push(leaving);
    expect(namesIn(queue)).toBe(left + leaving.name);
  });

  it('lets all leave, from either end', () => {
    for (const order of ['abc', 'cba', 'bac']) {
      const [queue, nodes] = queueOf(Array.from('abc'));
      for (const name of order) queue.remove(pick(nodes, 'abc'.indexOf(name)));
      expect([queue.size, queue.head]).toEqual([0, undefined]);
      queue.push(new CountingNode('d'));
      expect(namesIn(queue)).toBe('d');
    }
  });

  it('lets the one just seen leave while it is walked', () => {
    const [queue] = queueOf(Array.from('abcd'));
    const seen: string[] = [];
    for (const node of queue) {
      seen.push(node.name);
      if (node.name !== 'b') queue.remove(node);
    }
    expect([seen.join(''), namesIn(queue)]).toEqual(['abcd', 'b']);
  });

  it('touches as many links to let one of 10,000 leave as one of 10', () => {
    const touchedOf = (length: number): number => {
      const [queue, nodes] = queueOf(Array.from({ length }, String));
      CountingNode.touched = 0;
      queue.remove(pick(nodes, length / 2));
      queue.push(new CountingNode('late'));
      return CountingNode.touched;
    };
    expect(touchedOf(10_000)).toBe(touchedOf(10));
    expect(touchedOf(10)).toBeLessThan(20);
  });
});
