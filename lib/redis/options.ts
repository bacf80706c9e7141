import { readOptions } from '../internal/options.js';
import type { OptionChecks } from '../internal/options.js';
import {
  describe,
  integer,
  MAX_TIMER_MS,
  oneOf,
  requireDuration,
  requireIntegerOrInfinity,
  requireObject,
  requireString,
} from '../internal/validate.js';

/** The policy for callers while Redis does not answer. */
export type UnavailablePolicy = 'local' | 'open' | 'closed';

/** Options of a `RedisSemaphore`. */
export interface RedisSemaphoreOptions {
  /** Name of the limit. All limiters with the same name and prefix share it. Long or unusual names are hashed. */
  readonly name: string;

  /** Maximum number of permits held at once, in all processes. With 0 everybody waits for a `resize`. */
  readonly permits: number;

  /**
   * Version of `permits`. Increase it with each change of `permits` in the code: the highest version wins, so a release
   * takes effect while processes of the previous release still run. @defaultValue `0`
   */
  readonly version?: number | undefined;

  /** First part of the key names in Redis. @defaultValue `'semaphore'` */
  readonly prefix?: string | undefined;

  /**
   * Order in which waiters are served: first in, first out, or the highest `priority` first. Give all processes the same.
   * A full queue rejects the newcomer, whatever its priority. @defaultValue `'fifo'`
   */
  readonly order?: 'fifo' | 'priority' | undefined;

  /** Maximum number of queued callers, in all processes. Further callers are rejected. @defaultValue `Infinity` */
  readonly queueLimit?: number | undefined;

  /** Maximum time a caller waits in the queue, in milliseconds. @defaultValue `Infinity` */
  readonly maxWaitMs?: number | undefined;

  /**
   * Maximum time that a permit is held, in milliseconds. Then its `signal` aborts with a `HoldTimeoutError`, and `limit`
   * ends the response. Its lease is renewed until its release. @defaultValue `Infinity`
   */
  readonly maxHoldMs?: number | undefined;

  /**
   * Length of a lease in milliseconds, at least 100. A process that dies gives its permits back after this time. A live
   * process renews its leases three times as often. @defaultValue `10_000`
   */
  readonly leaseMs?: number | undefined;

  /**
   * Number of permits of weight 1 that a process acquires at once. It keeps the spare ones for 50 ms, and none while
   * anybody waits. Callers that use the same lease one after another see the same fencing token. @defaultValue `1`
   */
  readonly prefetch?: number | undefined;

  /**
   * What happens while Redis does not answer: each process grants its part of the permits (`'local'`), everybody is
   * granted (`'open'`), or everybody is rejected with a `BackendError` (`'closed'`). @defaultValue `'local'`
   */
  readonly onUnavailable?: UnavailablePolicy | undefined;

  /** Number of processes that share the permits under `'local'`. @defaultValue `1` */
  readonly expectedNodes?: number | undefined;

  /**
   * Time without any answer after which Redis counts as down, in milliseconds. The first limiter of a client decides for
   * all limiters of that client; in a cluster each limiter has its own. @defaultValue `250`
   */
  readonly timeoutMs?: number | undefined;
}

/** Shortest lease in milliseconds. A renewal needs time for a round trip and a retry. */
const MIN_LEASE_MS = 100;
/** Redis keeps the keys for this many leases. That time must fit a timer, too. */
const LONGEST_KEPT_LEASES = 3;
/** Maximum time in which a process without wake-ups must confirm a grant, in milliseconds. */
const CLAIM_MS = 1_500;
/** Shortest pause of all grants after an outage, in milliseconds, unless a third of a lease is shorter. */
const MIN_GRACE_MS = 1_000;

/** Options that limiters of one name and one client must have in common to share a lease manager. */
export interface SharedOptions {
  readonly name: string;
  readonly prefix: string;
  readonly order: 'fifo' | 'priority';
  readonly queueLimit: number;
  readonly leaseMs: number;
  readonly timeoutMs: number;
  readonly prefetch: number;
  readonly onUnavailable: UnavailablePolicy;
  readonly expectedNodes: number;
}

/** The valid options with their defaults. */
export interface ResolvedOptions {
  readonly permits: number;
  readonly version: number;
  readonly maxWaitMs: number;
  readonly maxHoldMs: number;
  readonly shared: SharedOptions;
}

export function readRedisOptions(options: RedisSemaphoreOptions): ResolvedOptions {
  requireObject('options', options);
  const read = readOptions('RedisSemaphore', options, CHECKS, ['name', 'permits']);
  const { name, permits, version = 0, prefix = 'semaphore', queueLimit = Infinity } = read;
  const { order = 'fifo' } = read;
  const {
    maxWaitMs = Infinity,
    maxHoldMs = Infinity,
    leaseMs = 10_000,
    prefetch = 1,
    onUnavailable = 'local',
  } = read;
  const { expectedNodes = 1, timeoutMs = 250 } = read;
  const shared = {
    name,
    prefix,
    order,
    queueLimit,
    leaseMs,
    timeoutMs,
    prefetch,
    onUnavailable,
    expectedNodes,
  };
  return { permits, version, maxWaitMs, maxHoldMs, shared };
}

/** Permits that this process may grant by itself while Redis is down. */
export function localPermits({ onUnavailable, expectedNodes }: SharedOptions, permits: number): number {
  return LOCAL_PERMITS[onUnavailable](permits, expectedNodes);
}

/** Time in which a process without wake-ups must confirm a grant, in milliseconds. */
export function claimMsOf({ leaseMs }: SharedOptions): number {
  return Math.min(CLAIM_MS, leaseMs);
}

/**
 * Pause of all grants after an outage, in milliseconds. In it, each process enters in Redis what it granted by itself.
 * A policy that does not bound local grants, or makes none, needs no pause.
 */
export function graceMsOf({ onUnavailable, leaseMs, timeoutMs }: SharedOptions): number {
  if (onUnavailable !== 'local') return 0;
  return Math.floor(Math.min(leaseMs / 3, Math.max(MIN_GRACE_MS, 2.5 * timeoutMs)));
}

const LOCAL_PERMITS: Record<UnavailablePolicy, (permits: number, nodes: number) => number> = {
  local: (permits, nodes) => Math.ceil(permits / nodes),
  open: () => Infinity,
  closed: () => 0,
};

const CHECKS: OptionChecks<RedisSemaphoreOptions> = {
  name: requireString,
  permits: integer(0),
  version: integer(0),
  prefix: requirePrefix,
  order: oneOf('fifo', 'priority'),
  queueLimit: requireIntegerOrInfinity,
  maxWaitMs: requireDuration,
  maxHoldMs: requireDuration,
  leaseMs: integer(MIN_LEASE_MS, Math.floor(MAX_TIMER_MS / LONGEST_KEPT_LEASES)),
  prefetch: integer(1),
  onUnavailable: oneOf('local', 'open', 'closed'),
  expectedNodes: integer(1),
  timeoutMs: integer(1, MAX_TIMER_MS),
};

/** A brace would move the hash tag of a cluster. */
function requirePrefix(name: string, prefix: unknown): void {
  requireString(name, prefix);
  if (!/^[\w:.-]+$/.test(prefix)) {
    throw new RangeError(`${name} must be letters, digits, ':', '.', '_' or '-', got ${describe(prefix)}`);
  }
}
