import type { OrderQueue, QueueNode } from '../../lib/orders/order-queue';

/** A waiter of a test. */
export class Node implements QueueNode<Node> {
  previous: Node | undefined = undefined;
  next: Node | undefined = undefined;
  readonly name: string;
  readonly weight: number;
  readonly priority: number;
  readonly flow: string;
  readonly since: number;

  constructor({
    name = '',
    weight = 1,
    priority = 0,
    flow = '',
    since = 0,
  }: Partial<Pick<Node, 'name' | 'weight' | 'priority' | 'flow' | 'since'>>) {
    this.name = name;
    this.weight = weight;
    this.priority = priority;
    this.flow = flow;
    this.since = since;
  }
}

/** Serves all waiters and returns them in order. */
export function serveAll(queue: OrderQueue<Node>): Node[] {
  const served: Node[] = [];
  for (let { first } = queue; first !== undefined; { first } = queue) {
    served.push(first);
    queue.shift();
  }
  return served;
}

/** The names of all waiters, in the order in which they are served. */
export function namesServed(queue: OrderQueue<Node>): string {
  return serveAll(queue)
    .map(({ name }) => name)
    .join('');
}
