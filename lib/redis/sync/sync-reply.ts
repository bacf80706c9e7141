/** Answers of the script to a request. A positive number is a grant and its fencing token. */
export const Answer = {
  /** It was queued before. */
  alreadyQueued: 0,
  /** It has just been queued. */
  queued: -1,
  /** No permit is free, and the request does not wait. */
  notFree: -2,
  queueFull: -3,
  /** It weighs more than the limit. */
  tooHeavy: -4,
  /** It arrived late, perhaps because Redis was down. The process has to decide once more. */
  late: -5,
} as const;

/** The result of one script, and the state of the limit after it. */
export interface SyncReply {
  /** Server time in milliseconds. */
  readonly serverNow: number;
  /** The answer to a request, by its position. */
  readonly answer: (index: number) => number;
  /** Queued callers of all processes. */
  readonly queued: number;
  /** Milliseconds until a lease can end; of use only while anybody waits. */
  readonly nextEndMs: number;
  /** Milliseconds until new grants are possible again; 0 or less without a pause. */
  readonly pausedMs: number;
  /** Queued callers of this process that were granted. Fencing token 0 means that the weight is above the limit. */
  readonly promoted: readonly (readonly [seq: string, fencingToken: number])[];
  /** Members whose leases were to be renewed and have ended. */
  readonly lost: readonly string[];
  /** The limit's rules and epoch; `undefined` if they are what this process has sent. */
  readonly rules: (Rules & { readonly epoch: number }) | undefined;
  /** The counts of a survey. */
  readonly fleet: FleetStats | undefined;
}

/** The agreement of all processes that share a limit. A higher version wins, then a higher number of resizes. */
export interface Rules {
  readonly permits: number;
  readonly version: number;
  /** Number of `resize` calls under this version. */
  readonly resizes: number;
}

/** The sums over all processes of a limit, as Redis counts them. */
export interface FleetStats {
  /** Permits held. */
  readonly held: number;
  /** Queued callers. */
  readonly waiting: number;
  /** Clients with a holder or a waiter. A process usually has one. */
  readonly nodes: number;
}

export function parseReply(reply: unknown): SyncReply {
  const [now, answers, queued, nextEndMs, pausedMs, promoted, lost, rules, fleet] = reply as unknown[];
  // When all requests were granted there is one number: the first token, and the others follow it.
  const answer = (index: number) =>
    Array.isArray(answers) ? Number(answers[index] ?? 0) : Number(answers) + index;
  const serverNow = Number(now);
  if (queued === undefined) {
    return {
      serverNow,
      answer,
      queued: 0,
      nextEndMs: 0,
      pausedMs: 0,
      promoted: [],
      lost: [],
      rules: undefined,
      fleet: undefined,
    };
  }
  const pairs = promoted as unknown[];
  const [epoch, permits, version, resizes] = (rules as unknown[]).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const [held, waiting, nodes] = Array.isArray(fleet) ? fleet.map(Number) : [];
  return {
    serverNow,
    answer,
    queued: Number(queued),
    nextEndMs: Number(nextEndMs),
    pausedMs: Number(pausedMs),
    promoted: Array.from({ length: pairs.length / 2 }, (_, i) => [
      String(pairs[2 * i]),
      Number(pairs[2 * i + 1]),
    ]),
    lost: (lost as unknown[]).map(String),
    rules: { epoch, permits, version, resizes },
    fleet: held === undefined ? undefined : Object.freeze({ held, waiting: waiting ?? 0, nodes: nodes ?? 0 }),
  };
}

/** A grant to a waiter of this node that another node published. */
export interface PublishedGrant {
  readonly seq: string;
  /** 0 if nothing was granted, because the weight is above the limit, which is `untilMs` then. */
  readonly fencingToken: number;
  /** Server time of the end of the lease; 0 if the waiter has to ask for the grant. */
  readonly untilMs: number;
}

export function parseMessage(message: string): PublishedGrant[] {
  return message
    .split(';')
    .filter((grant) => grant !== '')
    .map((grant) => {
      const [seq = '', fencingToken, untilMs] = grant.split(',');
      return { seq, fencingToken: Number(fencingToken), untilMs: Number(untilMs) };
    });
}
