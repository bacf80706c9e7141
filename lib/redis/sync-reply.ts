/** What the script answers to one ask. A positive number is a grant, and its fence. */
export const Answer = {
  /** It stood in line already. */
  alreadyQueued: 0,
  /** It has just been put in line. */
  queued: -1,
  /** It did not want to wait. */
  notFree: -2,
  queueFull: -3,
  /** It weighs more than the limit. */
  tooHeavy: -4,
} as const;

/** The state of a key after a sync, and what became of the operations in it. */
export interface SyncReply {
  /** The server's time at the sync, in milliseconds. */
  readonly serverNow: number;
  /** Changes when the key's data has been lost. */
  readonly epoch: string;
  readonly limit: number;
  readonly version: number;
  /** Permits held by all nodes. */
  readonly used: number;
  /** Waiters of all nodes. */
  readonly queued: number;
  /** Milliseconds until the next lease or claim ends; negative when nobody waits. */
  readonly nextMs: number;
  /** What became of each ask, by its place. */
  readonly answer: (index: number) => number;
  /** Waiters of this node that were served, each followed by its fence; fence 0 means too heavy. */
  readonly promoted: readonly (readonly [seq: string, fence: number])[];
  /** Leases that were to be renewed and are not there any more. */
  readonly lost: readonly string[];
}

/** A grant to this node that was published by another. */
export interface GrantMessage {
  /** The key's last name, by which its limit is found. */
  readonly key: string;
  /** `untilMs` is server time; where `fence` is 0, nothing was granted and it is the limit that proved too small. */
  readonly grants: readonly (readonly [seq: string, fence: number, untilMs: number])[];
}

export function parseReply(reply: unknown): SyncReply {
  const [now, epoch, limit, version, used, queued, nextMs, answers, promoted, lost] = reply as unknown[];
  const pairs = promoted as unknown[];
  return {
    serverNow: Number(now),
    epoch: String(epoch),
    limit: Number(limit),
    version: Number(version),
    used: Number(used),
    queued: Number(queued),
    nextMs: Number(nextMs),
    // When all were granted, it is the first fence, and the others follow it.
    answer: (index) => (Array.isArray(answers) ? Number(answers[index] ?? 0) : Number(answers) + index),
    promoted: Array.from({ length: pairs.length / 2 }, (_, i) => [
      String(pairs[2 * i]),
      Number(pairs[2 * i + 1]),
    ]),
    lost: (lost as unknown[]).map(String),
  };
}

export function parseMessage(message: string): GrantMessage {
  const blank = message.indexOf(' ');
  const grants = message
    .slice(0, blank)
    .split(';')
    .filter((grant) => grant !== '')
    .map((grant): GrantMessage['grants'][number] => {
      const [seq = '', fence, untilMs] = grant.split(',');
      return [seq, Number(fence), Number(untilMs)];
    });
  return { key: message.slice(blank + 1), grants };
}
