import { notOneOf } from '../internal/validate.js';
import { adaptiveLifo } from './adaptive-lifo.js';
import { fair } from './fair.js';
import { fifo } from './fifo.js';
import { lifo } from './lifo.js';
import type { OrderDefinition, OrderQueue, QueueNode } from './order-queue.js';
import { priority } from './priority.js';

/** The table of orders. A new order is one file and one row. */
const ORDERS = [fifo, lifo, adaptiveLifo, priority, fair] as const satisfies readonly OrderDefinition[];

type NamedOrder = Parameters<(typeof ORDERS)[number]['create']>[0];

/** The name of an order. */
export type OrderName = NamedOrder['name'];

/** The order in which waiters are served: a name, or an object with the name and options. */
export type Order = OrderName | NamedOrder;

/** The names of all orders. */
export const ORDER_NAMES: readonly OrderName[] = ORDERS.map(({ name }) => name);

/**
 * An empty queue in this order, for a limiter of `permits`.
 *
 * @throws `TypeError` or `RangeError` for an unknown order or a bad option.
 */
export function createQueue<Node extends QueueNode<Node>>(
  order: Order,
  permits = Infinity,
): OrderQueue<Node> {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- plain JavaScript may pass null
  const options = typeof order === 'object' && order !== null ? order : { name: order };
  for (const definition of ORDERS) {
    if (definition.name === options.name)
      return (definition as OrderDefinition).create(options as never, permits);
  }
  throw notOneOf(options === order ? 'order.name' : 'order', options.name, ORDER_NAMES);
}
