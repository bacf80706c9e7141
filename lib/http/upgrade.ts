import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { holdLimitOf } from '../core/hold-limit.js';
import type { Limiter, Permit } from '../core/limiter.js';
import { isSemaphoreError } from '../errors.js';
import { requireFunction, requireObject } from '../internal/validate.js';
import { warnFirst, warnOfUnknownOption } from '../internal/warn.js';
import type { KeyedLimiter } from '../keyed/key-limiter.js';
import { createAdmission } from './admission.js';
import type { AdmissionDecision } from './admission.js';
import { Exchange } from './exchange.js';
import type { KeyedLimitOptions, LimitOptions } from './limit-options.js';
import { rejectionText } from './rejection.js';

/** Listener of a server's `upgrade` event. */
type UpgradeListener<Req> = (req: Req, socket: Duplex, head: Buffer) => void;

/** Called with an upgrade that may go on. The permit is `undefined` where `skip` returned `true`. */
type OnUpgrade<Req> = (req: Req, socket: Duplex, head: Buffer, permit: Permit | undefined) => unknown;

type WithoutResponse = 'onRejected' | 'isOverload' | 'dryRun' | 'rateLimitHeaders' | 'deadlineMs';

/** Options of `limitUpgrade`. */
export type UpgradeOptions<Req = IncomingMessage> = Omit<LimitOptions<Req>, WithoutResponse>;

/** Options of `limitUpgrade` with a `KeyedSemaphore`. */
export type KeyedUpgradeOptions<Req = IncomingMessage> = Omit<KeyedLimitOptions<Req>, WithoutResponse>;

/**
 * Listener for a server's `upgrade` event: it acquires a permit before it calls `onUpgrade`. The permit is released when
 * the socket closes.
 *
 * - A client that resets its connection cannot end the process: an `error` listener is added first and stays.
 * - A rejection is answered as by `limit`, with `Connection: close`. The socket is then destroyed.
 * - A queued client that leaves is dequeued, and `onUpgrade` is not called.
 * - An option function that fails is answered with status 500. The first failure is a process warning.
 * - When `maxHoldMs` is over, the socket is destroyed.
 *
 * An error of `onUpgrade` destroys the socket and is not caught.
 *
 * @param limiter - Grants the permits for each key: a `KeyedSemaphore`, or a `chain` with one.
 * @param onUpgrade - Serves an upgrade that has a permit, as a listener of the event `upgrade` does.
 * @param options - The options of `limit` that suit an upgrade, with `key`.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming the option and the value.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { limitUpgrade, Semaphore } from 'express-semaphore';
 * import { WebSocketServer } from 'ws';
 *
 * const wss = new WebSocketServer({ noServer: true });
 * const sockets = new Semaphore(1_000);
 * createServer().on('upgrade', limitUpgrade(sockets, (req, socket, head) => {
 *   wss.handleUpgrade(req, socket, head, (webSocket) => wss.emit('connection', webSocket, req));
 * }));
 * ```
 */
export function limitUpgrade<Req extends IncomingMessage = IncomingMessage>(
  limiter: KeyedLimiter,
  onUpgrade: OnUpgrade<Req>,
  options: KeyedUpgradeOptions<Req>,
): UpgradeListener<Req>;
/**
 * Makes a listener for `upgrade` that holds a permit for the life of the socket, with a limiter without keys.
 *
 * @param limiter - Grants the permits: a `Semaphore` or another limiter without keys.
 * @param onUpgrade - Serves an upgrade that has a permit, as a listener of the event `upgrade` does.
 * @param options - The options of `limit` that suit an upgrade.
 */
export function limitUpgrade<Req extends IncomingMessage = IncomingMessage>(
  limiter: Limiter,
  onUpgrade: OnUpgrade<Req>,
  options?: UpgradeOptions<Req>,
): UpgradeListener<Req>;
export function limitUpgrade<Req extends IncomingMessage>(
  limiter: Limiter | KeyedLimiter,
  onUpgrade: OnUpgrade<Req>,
  options: UpgradeOptions<Req> = {},
): UpgradeListener<Req> {
  requireObject('options', options);
  const admit = createAdmission<Req, ServerResponse>(
    'limitUpgrade',
    limiter,
    { ...options, rateLimitHeaders: undefined, deadlineMs: undefined },
    false,
  );
  requireFunction('onUpgrade', onUpgrade);
  for (const name of ['isOverload', 'rateLimitHeaders', 'deadlineMs'])
    if (name in options) warnOfUnknownOption('limitUpgrade', name);
  return limitedUpgrade;

  function limitedUpgrade(req: Req, socket: Duplex, head: Buffer): void {
    // Node removes its own listener before the event, and an error without a listener would end the process.
    socket.on('error', ignore);
    Exchange.ofSocket(socket);
    let decision: AdmissionDecision | Promise<AdmissionDecision>;
    try {
      decision = admit(req, asExchange(socket));
    } catch (error) {
      fail(error, socket);
      return;
    }
    if (decision instanceof Promise) void enterLater(decision, req, socket, head);
    else enter(decision, req, socket, head);
  }

  async function enterLater(
    decided: Promise<AdmissionDecision>,
    req: Req,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    const unwatch = destroyAtEnd(socket);
    let decision: AdmissionDecision;
    try {
      decision = await decided;
    } catch (error) {
      fail(error, socket);
      return;
    } finally {
      unwatch();
    }
    enter(decision, req, socket, head);
  }

  function enter(decision: AdmissionDecision, req: Req, socket: Duplex, head: Buffer): void {
    if (decision === 'over' || socket.destroyed) return;
    if (isSemaphoreError(decision)) {
      endWith(socket, rejectionText(decision, options));
      return;
    }
    const permit = decision === 'skipped' ? undefined : decision;
    const hold = permit && holdLimitOf(permit);
    if (hold !== undefined) {
      hold.onTimeout = () => {
        socket.destroy();
      };
    }
    let isTaken = false;
    try {
      onUpgrade(req, socket, head, permit);
      isTaken = true;
    } finally {
      if (!isTaken) socket.destroy();
    }
  }

  function fail(error: unknown, socket: Duplex): void {
    warnFirst(admit, 'WARN_SEMAPHORE_UPGRADE_FAILED', 'an option of limitUpgrade failed', error);
    if (!socket.destroyed) endWith(socket, SERVER_ERROR);
  }
}

const SERVER_ERROR = 'HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** An upgraded socket has the state that an admission reads of a response, and `Exchange.ofSocket` has listened to it. */
function asExchange(socket: Duplex): ServerResponse {
  return socket as unknown as ServerResponse;
}

function ignore(): void {
  // The socket destroys itself, and its `close` releases the permit.
}

function endWith(socket: Duplex, text: string): void {
  socket.end(text, () => {
    socket.destroy();
  });
}

/**
 * Destroys `socket` when its client ends the connection, until the returned function is called. Nobody reads a queued
 * socket, so nothing else would notice. What the client has sent stays in the socket.
 */
function destroyAtEnd(socket: Duplex): () => void {
  const look = (): void => {
    // With an empty buffer this makes the socket emit `end`, if the client has ended the connection.
    if (socket.readableLength === 0) socket.read(0);
  };
  const left = (): void => {
    socket.destroy();
  };
  socket.on('readable', look);
  socket.once('end', left);
  return () => {
    socket.off('readable', look);
    socket.off('end', left);
  };
}
