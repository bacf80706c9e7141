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

/** What became of the operations in a sync, and how things stand after it. */
export interface SyncReply {
  /** The server's time at the sync, in milliseconds. */
  readonly serverNow: number;
  /** What became of each ask, by its place. */
  readonly answer: (index: number) => number;
  /** Waiters of all nodes. */
  readonly queued: number;
  /** Milliseconds until a lease or claim can end; only if somebody waits. */
  readonly nextMs: number;
  /** Waiters of this node that were served, each followed by its fence; fence 0 means too heavy. */
  readonly promoted: readonly (readonly [seq: string, fence: number])[];
  /** Leases that were to be renewed and are not there any more, by their members. */
  readonly lost: readonly string[];
  /** What a limit goes by; `undefined` when that is just what the node has said. */
  readonly rules: KeyRules | undefined;
}

/** What all nodes that share a limit go by. */
export interface KeyRules {
  /** Changes when the key's data has been lost. */
  readonly epoch: number;
  readonly limit: number;
  readonly version: number;
}

/** A grant to this node that was published by another. */
export interface GrantMessage {
  /** The key's last name, by which its limit is found. */
  readonly key: string;
  /** `untilMs` is server time; where `fence` is 0, nothing was granted and it is the limit that proved too small. */
  readonly grants: readonly (readonly [seq: string, fence: number, untilMs: number])[];
}

export function parseReply(reply: unknown): SyncReply {
  const [now, answers, queued, nextMs, promoted, lost, epoch, limit, version] = reply as unknown[];
  // When all were granted, it is the first fence, and the others follow it.
  const answer = (index: number) =>
    Array.isArray(answers) ? Number(answers[index] ?? 0) : Number(answers) + index;
  const serverNow = Number(now);
  if (queued === undefined) {
    return { serverNow, answer, queued: 0, nextMs: 0, promoted: [], lost: [], rules: undefined };
  }
  const pairs = promoted as unknown[];
  return {
    serverNow,
    answer,
    queued: Number(queued),
    nextMs: Number(nextMs),
    promoted: Array.from({ length: pairs.length / 2 }, (_, i) => [
      String(pairs[2 * i]),
      Number(pairs[2 * i + 1]),
    ]),
    lost: (lost as unknown[]).map(String),
    rules: { epoch: Number(epoch), limit: Number(limit), version: Number(version) },
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
