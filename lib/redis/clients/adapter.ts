/** What the limits ask of a Redis client. One adapter a client library gives it this shape. */
export interface RedisAdapter {
  /** Whether keys live on several servers, so that some can be out of reach while others are not. */
  readonly isCluster: boolean;
  /** Runs a script by its name; rejects with an error that says NOSCRIPT when the server does not know it. */
  evalSha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Runs a script by its text. */
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Listens to a channel until the client is closed, over each lost connection. Never throws and never rejects. */
  subscribe(channel: string, subscriber: Subscriber): void;
}

/** Who listens to a channel. */
export interface Subscriber {
  message(message: string): void;
  /** The subscription stands, for the first time or once more: what was published meanwhile is lost. */
  subscribed(): void;
  /** It does not stand: the server says no, or cannot be reached. */
  failed(error: unknown): void;
}

/** Events as every client has them. */
export interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** How long to wait before a subscription that failed is tried again, in milliseconds. */
export const RESUBSCRIBE_MS = 1_000;

/** Redis errors have long been told apart by their first word; GLIDE gives it another spelling. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && /NOSCRIPT|NoScript/.test(error.message);
}
