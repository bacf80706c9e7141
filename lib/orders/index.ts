import { AdaptiveLifoQueue } from './adaptive-lifo.js';
import { FairQueue } from './fair.js';
import { FifoQueue } from './fifo.js';
import { LifoQueue } from './lifo.js';
import { PriorityQueue } from './priority.js';
import type { OrderQueue, QueueNode } from './order-queue.js';
import { requireDuration, requireFunction, requireInteger, requireOneOf } from '../internal/validate.js';
import { warnOfUnknown } from '../internal/warn.js';

/**
 * In which order waiters are served: a name, or an object that names it and says more.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'express-semaphore';
 * import type { AdaptiveLifoOrder, FairOrder, Order, OrderName, PriorityOrder } from 'express-semaphore';
 *
 * const byName: OrderName = 'lifo';
 * const underLoad: AdaptiveLifoOrder = { name: 'adaptive-lifo', targetMs: 5, intervalMs: 100 };
 * const paidFirst: PriorityOrder = { name: 'priority', ageMs: 1_000, reserved: 1 };
 * const takingTurns: FairOrder = { name: 'fair', share: (tenant) => (tenant === 'large' ? 3 : 1) };
 *
 * const orders: Order[] = [byName, underLoad, paidFirst, takingTurns];
 * const [, , paid, fair] = orders.map((order) => new Semaphore(10, { order }));
 * (await paid?.acquire({ priority: 100 }))?.release();
 * (await fair?.acquire({ flow: 'large' }))?.release();
 * ```
 */
export type Order = OrderName | AdaptiveLifoOrder | PriorityOrder | FairOrder;

/** The orders there are. */
export type OrderName = 'fifo' | 'lifo' | 'adaptive-lifo' | 'priority' | 'fair';

/** First in, first out while the line is short-lived; newest first, and those who waited for long refused, while it stands. */
export interface AdaptiveLifoOrder {
  readonly name: 'adaptive-lifo';

  /** Longest wait while the line stands, in milliseconds. @defaultValue `5` */
  readonly targetMs?: number | undefined;

  /** How long the line must not have been empty before it counts as standing, in milliseconds. @defaultValue `100` */
  readonly intervalMs?: number | undefined;
}

/** The highest `priority` first, first in, first out inside a level. */
export interface PriorityOrder {
  readonly name: 'priority';

  /** A waiter rises by one level each time it has waited this long, in milliseconds. @defaultValue `Infinity`: never */
  readonly ageMs?: number | undefined;

  /** Permits kept for the top priority, 100; of few permits at least one is left to the others. @defaultValue `0` */
  readonly reserved?: number | undefined;
}

/** Flows take turns, so that one flow's burst does not delay another's single request by more than one round. */
export interface FairOrder {
  readonly name: 'fair';

  /** Permits that a flow gets each turn: an integer of at least 1. @defaultValue `1` for each flow */
  readonly share?: ((flow: string) => number) | undefined;
}

/** Permits that only the top priority may take, in an order that a queue has been made for. */
export function reservedOf(order: Order): number {
  const named = nameOf(order);
  return named.name === 'priority' ? (named.reserved ?? 0) : 0;
}

/** An empty queue in that order. */
export function makeQueue<Node extends QueueNode<Node>>(order: Order): OrderQueue<Node> {
  const options = nameOf(order);
  requireOneOf(options === order ? 'order.name' : 'order', options.name, ORDERS);
  switch (options.name) {
    case 'fifo':
      return makePlain(options, new FifoQueue());
    case 'lifo':
      return makePlain(options, new LifoQueue());
    case 'adaptive-lifo':
      return makeAdaptiveLifo(options);
    case 'priority':
      return makePriority(options);
    case 'fair':
      return makeFair(options);
  }
}

function makePlain<Node extends QueueNode<Node>>(
  options: PlainOrder,
  queue: OrderQueue<Node>,
): OrderQueue<Node> {
  const { name, ...unknown } = options;
  warnOfUnknownIn(name, unknown);
  return queue;
}

function makeAdaptiveLifo<Node extends QueueNode<Node>>(options: AdaptiveLifoOrder): OrderQueue<Node> {
  const { name, targetMs = 5, intervalMs = 100, ...unknown } = options;
  warnOfUnknownIn(name, unknown);
  requireDuration('targetMs', targetMs);
  requireDuration('intervalMs', intervalMs);
  return new AdaptiveLifoQueue(targetMs, intervalMs);
}

function makePriority<Node extends QueueNode<Node>>(options: PriorityOrder): OrderQueue<Node> {
  const { name, ageMs = Infinity, reserved = 0, ...unknown } = options;
  warnOfUnknownIn(name, unknown);
  requireDuration('ageMs', ageMs);
  requireInteger('reserved', reserved, 0);
  return new PriorityQueue(ageMs);
}

function makeFair<Node extends QueueNode<Node>>(options: FairOrder): OrderQueue<Node> {
  const { name, share = oneEach, ...unknown } = options;
  warnOfUnknownIn(name, unknown);
  requireFunction('share', share);
  return new FairQueue((flow) => {
    const permits = share(flow);
    requireInteger('what share returns', permits, 1);
    return permits;
  });
}

function oneEach(): number {
  return 1;
}

const ORDERS: readonly OrderName[] = ['fifo', 'lifo', 'adaptive-lifo', 'priority', 'fair'];

interface PlainOrder {
  readonly name: 'fifo' | 'lifo';
}

type NamedOrder = PlainOrder | AdaptiveLifoOrder | PriorityOrder | FairOrder;

function warnOfUnknownIn(name: OrderName, unknown: object): void {
  warnOfUnknown(`the order ${name}`, unknown);
}

/** An order by name is that order without further settings. */
function nameOf(order: Order): NamedOrder {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- plain JavaScript may pass null
  return typeof order === 'object' && order !== null ? order : { name: order };
}
