import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { SemaphoreErrorCode } from '../errors.js';
import type { Clock } from '../internal/clock.js';
import type { Outcome } from './limiter.js';
import { requireFunction, requireOneOf } from '../internal/validate.js';
import type { Waiter } from './waiter.js';

/** What every message tells. */
export interface LimiterMessage {
  /** The limiter's `name`, or that of the `KeyedSemaphore` that has it behind a key. */
  readonly name: string | undefined;
  /** That key. It comes from your clients: do not let it out unseen. */
  readonly key: string | undefined;
}

/** A call joined the line. It is told in the caller's own async context. */
export interface QueuedMessage extends LimiterMessage {
  readonly weight: number;
}

/** A permit was granted. */
export interface AcquireMessage extends LimiterMessage {
  readonly weight: number;
  /** How long the call stood in line, in milliseconds: 0 if not at all, `undefined` if nobody measured it. */
  readonly waitMs: number | undefined;
  /** What was told when it joined; `undefined` if it did not, or if nobody listened yet. */
  readonly queued: QueuedMessage | undefined;
}

/** A call was refused or ended by its signal, at once or in line. */
export interface RejectMessage extends LimiterMessage {
  /** Why it was refused; `undefined` if its signal ended it. */
  readonly code: SemaphoreErrorCode | undefined;
  /** How long the call stood in line, in milliseconds: 0 if not at all, `undefined` if nobody measured it. */
  readonly waitMs: number | undefined;
  /** What was told when it joined; `undefined` if it did not, or if nobody listened yet. */
  readonly queued: QueuedMessage | undefined;
}

/** A permit came back. Those granted while nobody listened are not told. */
export interface ReleaseMessage extends LimiterMessage {
  readonly weight: number;
  readonly outcome: Outcome;
  /** How long it was held, in milliseconds. */
  readonly holdMs: number;
}

/** A lease ended that its holder had not released. */
export interface LostMessage extends LimiterMessage {
  readonly weight: number;
}

/** The limit changed. */
export interface LimitMessage extends LimiterMessage {
  readonly permits: number;
  readonly previous: number;
}

/**
 * What is told on which channel: on `express-semaphore:acquire` an `AcquireMessage`, and so on.
 *
 * @example
 * ```ts
 * import { observe } from 'express-semaphore';
 * import type { AcquireMessage, LimiterMessage, LimitMessage, LostMessage, LimiterEvents } from 'express-semaphore';
 * import type { QueuedMessage, RejectMessage, ReleaseMessage } from 'express-semaphore';
 *
 * const who = ({ name = 'unnamed', key }: LimiterMessage) => (key === undefined ? name : `${name} of ${key}`);
 *
 * const describe = {
 *   queued: (message: QueuedMessage) => `${who(message)}: waiting for ${message.weight}`,
 *   acquire: (message: AcquireMessage) => `${who(message)}: granted after ${message.waitMs} ms`,
 *   reject: (message: RejectMessage) => `${who(message)}: ${message.code ?? 'aborted'} after ${message.waitMs} ms`,
 *   release: (message: ReleaseMessage) => `${who(message)}: ${message.outcome} after ${message.holdMs} ms`,
 *   lost: (message: LostMessage) => `${who(message)}: lost ${message.weight}`,
 *   limit: (message: LimitMessage) => `${who(message)}: from ${message.previous} to ${message.permits}`,
 * };
 *
 * const stops = (Object.keys(describe) as (keyof LimiterEvents)[]).map((event) =>
 *   observe(event, (message) => console.log(event, who(message))),
 * );
 * for (const stop of stops) stop();
 * ```
 */
export interface LimiterEvents {
  readonly acquire: AcquireMessage;
  readonly queued: QueuedMessage;
  readonly release: ReleaseMessage;
  readonly reject: RejectMessage;
  readonly lost: LostMessage;
  readonly limit: LimitMessage;
}

/** The channels. Node keeps one only as long as somebody refers to it. */
export const CHANNELS = {
  acquire: channel('express-semaphore:acquire'),
  queued: channel('express-semaphore:queued'),
  release: channel('express-semaphore:release'),
  reject: channel('express-semaphore:reject'),
  lost: channel('express-semaphore:lost'),
  limit: channel('express-semaphore:limit'),
};

const EVENTS = Object.keys(CHANNELS) as readonly (keyof LimiterEvents)[];

/**
 * Calls `listener` with what happens to all limiters of this process, until the function that it returns is called. It is
 * `node:diagnostics_channel` with types: the channel of `'reject'` is `express-semaphore:reject`.
 *
 * LimiterEvents come in order, each in a microtask of its own, so that no listener can meddle with a limiter half-way. What
 * it throws becomes an uncaught exception. While nobody listens, nothing is made and no clock is read.
 *
 * @throws `TypeError` or `RangeError` for what is no event or no function.
 *
 * @example
 * ```ts
 * import { observe, Semaphore } from 'express-semaphore';
 *
 * const stop = observe('reject', ({ name, code, waitMs }) => {
 *   console.warn(`${name} refused after ${waitMs} ms: ${code}`);
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

/** Tells `message`, soon. Ask first whether the channel has subscribers: a message costs something to make. */
export function publish<Event extends keyof LimiterEvents>(
  event: Event,
  message: LimiterEvents[Event],
): void {
  void Promise.resolve(Object.freeze(message)).then((told) => {
    CHANNELS[event].publish(told);
  });
}

/** Whether anybody wants to know of waits, and how they end. */
export function areWaitsObserved(): boolean {
  return CHANNELS.queued.hasSubscribers || CHANNELS.acquire.hasSubscribers || CHANNELS.reject.hasSubscribers;
}

/** What was told of those who stand in line. Few are told of, so the waiters themselves have no room for it. */
const queuedMessages = new WeakMap<Waiter, QueuedMessage>();

/** Tells that `waiter` joins the line, and remembers it for the message that ends its wait. */
export function publishQueued(waiter: Waiter, source: LimiterMessage): void {
  const message = { ...source, weight: waiter.weight };
  queuedMessages.set(waiter, message);
  publish('queued', message);
}

/** What a message that ends a wait tells of it. */
export function waitOf(waiter: Waiter | undefined, clock: Clock): Pick<AcquireMessage, 'waitMs' | 'queued'> {
  if (waiter === undefined) return { waitMs: 0, queued: undefined };
  const waitMs = Number.isNaN(waiter.since) ? undefined : clock.now() - waiter.since;
  return { waitMs, queued: queuedMessages.get(waiter) };
}
