import {
  describe,
  MAX_TIMER_MS,
  requireDuration,
  requireInteger,
  requireIntegerOrInfinity,
  requireOneOf,
  requireOptions,
  requireString,
} from '../internal/validate.js';
import { warnOfUnknown } from '../internal/warn.js';

/** What happens to those who ask while Redis does not answer. */
export type UnavailablePolicy = 'local' | 'open' | 'closed';

/** How a `RedisSemaphore` is shared, and how it lets callers wait. */
export interface RedisSemaphoreOptions {
  /** Who uses the same name, shares the limit. Any string: what is long or odd is hashed. */
  readonly name: string;

  /** How many permits may be out at once, in all processes; 0 makes everybody wait for a `resize`. */
  readonly permits: number;

  /**
   * Counts up with each change of `permits` in the code, so that the newest release wins while old processes still run.
   * @defaultValue `0`
   */
  readonly version?: number | undefined;

  /** First part of the names of the keys in Redis. @defaultValue `'semaphore'` */
  readonly prefix?: string | undefined;

  /** Waiters of all processes admitted while no permit is free; the next is refused. @defaultValue `Infinity` */
  readonly queueLimit?: number | undefined;

  /** Longest a waiter stands in line, in milliseconds, unless `acquire` says otherwise. @defaultValue `Infinity` */
  readonly maxWaitMs?: number | undefined;

  /** How long the permits of a process that died are missed, in milliseconds; renewed thrice as often. @defaultValue `10_000` */
  readonly leaseMs?: number | undefined;

  /**
   * Permits of weight 1 that a process asks for at once, to have some in stock: for a limit so large and so busy that one
   * script a turn is too much. What lies unused for 50 ms goes back, and so does all as soon as anybody stands in line.
   * The callers whom one permit serves after each other see the same fence. @defaultValue `1`
   */
  readonly prefetch?: number | undefined;

  /**
   * What to do while Redis does not answer: `'local'` shares the permits out evenly, `'open'` lets everybody run,
   * `'closed'` refuses everybody with a `BackendError`. @defaultValue `'local'`
   */
  readonly onUnavailable?: UnavailablePolicy | undefined;

  /** Among how many processes `'local'` shares the permits out. @defaultValue `1` */
  readonly expectedNodes?: number | undefined;

  /**
   * How long an answer of Redis is waited for before it counts as down, in milliseconds. The first limit of a client
   * decides for all, but in a cluster each for itself. @defaultValue `250`
   */
  readonly timeoutMs?: number | undefined;
}

/** Shortest lease, in milliseconds: a renewal must have time for a round trip and a retry. */
const MIN_LEASE_MS = 100;
/** How long a node may take to confirm a grant that was published to it, in milliseconds, if the lease is no shorter. */
const CLAIM_MS = 1_500;

/** Valid options, all of them given; the limit and its version are what was last heard of them. */
export type ResolvedOptions = ReturnType<typeof readOptions>;

/** The options with what is not given filled in, all of it valid. */
export function readOptions(options: RedisSemaphoreOptions) {
  requireOptions(options);
  const { name, permits, version = 0, prefix = 'semaphore', queueLimit = Infinity, ...waiting } = options;
  const { maxWaitMs = Infinity, leaseMs = 10_000, timeoutMs = 250, ...failing } = waiting;
  const { onUnavailable = 'local', expectedNodes = 1, prefetch: batch = 1, ...unknown } = failing;
  warnOfUnknown('RedisSemaphore', unknown);
  requireString('name', name);
  requireInteger('permits', permits, 0);
  requireInteger('version', version, 0);
  requirePrefix(prefix);
  requireIntegerOrInfinity('queueLimit', queueLimit, 0);
  requireDuration('maxWaitMs', maxWaitMs);
  requireInteger('leaseMs', leaseMs, MIN_LEASE_MS, Math.floor(MAX_TIMER_MS / LONGEST_KEPT_LEASES));
  requireInteger('batch', batch, 1);
  requireInteger('expectedNodes', expectedNodes, 1);
  requireInteger('timeoutMs', timeoutMs, 1, MAX_TIMER_MS);
  requireOneOf('onUnavailable', onUnavailable, POLICIES);
  const share = SHARES[onUnavailable];
  return {
    name,
    permits,
    version,
    prefix,
    queueLimit,
    maxWaitMs,
    leaseMs,
    timeoutMs,
    batch,
    claimMs: Math.min(CLAIM_MS, leaseMs),
    /** Permits for this process while Redis is down. */
    ownPermits: (limit: number) => share(limit, expectedNodes),
  };
}

/** Keys are kept for so many leases, and that, too, must be a time that can be told. */
const LONGEST_KEPT_LEASES = 3;

const SHARES: Record<UnavailablePolicy, (permits: number, nodes: number) => number> = {
  local: (permits, nodes) => Math.ceil(permits / nodes),
  open: () => Infinity,
  closed: () => 0,
};

const POLICIES: readonly UnavailablePolicy[] = ['local', 'open', 'closed'];

/** Braces would move the hash tag, and blanks end a key in a message. */
function requirePrefix(prefix: unknown): void {
  requireString('prefix', prefix);
  if (!/^[\w:.-]+$/.test(prefix)) {
    throw new RangeError(`prefix must be letters, digits, ':', '.', '_' or '-', got ${describe(prefix)}`);
  }
}
