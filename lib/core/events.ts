import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Channel } from 'node:diagnostics_channel';
import type { SemaphoreErrorCode } from '../errors.js';
import type { Clock } from '../internal/clock.js';
import type { Outcome } from './limiter.js';
import { requireFunction, requireOneOf } from '../internal/validate.js';
import type { Waiter } from './waiter.js';

/** The fields of every message. */
export interface LimiterMessage {
  /** The limiter's `name`, or that of its `KeyedSemaphore`. */
  readonly name: string | undefined;
  /** The key in that `KeyedSemaphore`. A client may have chosen it, so do not publish it unchecked. */
  readonly key: string | undefined;
}

/** A caller was queued. The message is published in the caller's async context. */
export interface QueuedMessage extends LimiterMessage {
  readonly weight: number;
}

/** A permit was granted. */
export interface AcquireMessage extends LimiterMessage {
  readonly weight: number;
  /** Time in the queue, in milliseconds: 0 without a wait. */
  readonly waitMs: number;
  /** The message of the start of this wait; `undefined` without a wait, or when nobody listened then. */
  readonly queued: QueuedMessage | undefined;
}

/** A call was rejected or aborted, on arrival or in the queue. */
export interface RejectMessage extends LimiterMessage {
  /** The code of the error; `undefined` after an abort. */
  readonly code: SemaphoreErrorCode | undefined;
  /** Time in the queue, in milliseconds: 0 without a wait. */
  readonly waitMs: number;
  /** The message of the start of this wait; `undefined` without a wait, or when nobody listened then. */
  readonly queued: QueuedMessage | undefined;
}

/** A permit was released. A permit that was granted while nobody listened has no message. */
export interface ReleaseMessage extends LimiterMessage {
  readonly weight: number;
  readonly outcome: Outcome;
  /** Time from grant to release, in milliseconds. */
  readonly holdMs: number;
}

/** A lease ended before its holder released it. */
export interface LostMessage extends LimiterMessage {
  readonly weight: number;
}

/** A permit was held for `maxHoldMs`. */
export interface HoldTimeoutMessage extends LimiterMessage {
  readonly weight: number;
}

/** The limit changed. */
export interface LimitMessage extends LimiterMessage {
  readonly permits: number;
  readonly previous: number;
}

/** The message of each event. The event `acquire` has the channel `express-semaphore:acquire`, and so on. */
export interface LimiterEvents {
  readonly acquire: AcquireMessage;
  readonly queued: QueuedMessage;
  readonly release: ReleaseMessage;
  readonly reject: RejectMessage;
  readonly lost: LostMessage;
  readonly holdTimeout: HoldTimeoutMessage;
  readonly limit: LimitMessage;
}

const EVENTS = [
  'acquire',
  'queued',
  'release',
  'reject',
  'lost',
  'holdTimeout',
  'limit',
] as const satisfies readonly (keyof LimiterEvents)[];

/** The channels. Node keeps a channel only while a reference to it exists. */
export const CHANNELS = Object.fromEntries(
  EVENTS.map((event) => [event, channel(`express-semaphore:${event}`)]),
) as Readonly<Record<keyof LimiterEvents, Channel>>;

/**
 * Calls `listener` with the messages of all limiters of this process, until the caller calls the returned function. It is
 * `node:diagnostics_channel` with types: the channel of `'reject'` is `express-semaphore:reject`.
 *
 * Messages arrive in order, each in its own microtask, so a listener never sees a half-changed limiter. An error that a
 * listener throws becomes an uncaught exception. While nobody listens, no message is made and no clock is read.
 *
 * @param event - The name of the event.
 * @param listener - Gets the message of each event, in a microtask.
 *
 * @throws `TypeError` or `RangeError` for an unknown event or a listener that is no function.
 *
 * @example
 * ```ts
 * import { observe, Semaphore } from 'express-semaphore';
 *
 * const stop = observe('reject', ({ name, code, waitMs }) => {
 *   console.warn(`${name} rejected after ${waitMs} ms: ${code}`);
 * });
 * new Semaphore(0, { name: 'paused' }).acquire({ maxWaitMs: 0 }).catch(() => {});
 * setImmediate(stop);
 * ```
 */
export function observe<Event extends keyof LimiterEvents>(
  event: Event,
  listener: (message: LimiterEvents[Event]) => void,
): () => void {
  requireOneOf('event', event, EVENTS);
  requireFunction('listener', listener);
  const onMessage = (message: unknown) => {
    // Only `publish` writes to these channels.
    listener(message as LimiterEvents[Event]);
  };
  subscribe(CHANNELS[event].name, onMessage);
  return () => {
    unsubscribe(CHANNELS[event].name, onMessage);
  };
}

/** Publishes `message` in a microtask. The caller makes it only if the channel has subscribers. */
export function publish<Event extends keyof LimiterEvents>(
  event: Event,
  message: LimiterEvents[Event],
): void {
  void Promise.resolve(Object.freeze(message)).then((frozen) => {
    CHANNELS[event].publish(frozen);
  });
}

/** Whether a listener needs the start or the end of waits. */
export function areWaitsObserved(): boolean {
  return CHANNELS.queued.hasSubscribers || CHANNELS.acquire.hasSubscribers || CHANNELS.reject.hasSubscribers;
}

/** The `queued` messages of waiters. A map, because few waiters have one and a field would cost all of them. */
const queuedMessages = new WeakMap<Waiter, QueuedMessage>();

/** Publishes that `waiter` was queued, and keeps the message for the end of its wait. */
export function publishQueued(waiter: Waiter, source: LimiterMessage): void {
  const message = { ...source, weight: waiter.weight };
  queuedMessages.set(waiter, message);
  publish('queued', message);
}

/** The fields about the wait in a message that ends it. */
export function waitOf(waiter: Waiter | undefined, clock: Clock): Pick<AcquireMessage, 'waitMs' | 'queued'> {
  if (waiter === undefined) return { waitMs: 0, queued: undefined };
  return { waitMs: clock.now() - waiter.since, queued: queuedMessages.get(waiter) };
}
