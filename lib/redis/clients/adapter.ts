/** What a `RedisSemaphore` needs of a Redis client. Each client library has one adapter. */
export interface RedisAdapter {
  /** Whether keys are spread over several servers, which fail independently. */
  readonly isCluster: boolean;
  /** Whether the client is connected or tries to be. A closed client may be opened again. */
  readonly isOpen: boolean;
  /** Runs a script by its name. Rejects with an error that says NOSCRIPT if the server does not know it. */
  evalSha(sha: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Runs a script by its text. */
  eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Whether the server answered with this error. Otherwise the client made it, because it got no answer. */
  isReply(error: unknown): boolean;
  /** Subscribes to a channel. Never throws. It ends when the client is closed. */
  subscribe(channel: string, subscriber: Subscriber): Subscription;
}

/** Receiver of a subscription. */
export interface Subscriber {
  message(message: string): void;
  /** The subscription is active, for the first time or again. Messages may have been lost. */
  subscribed(): void;
  /** The subscription is not active: the server rejects it, or the connection is lost. */
  lost(error: unknown): void;
}

export interface Subscription {
  /** Whether the client will not restore it. */
  readonly isEnded: boolean;
  close(): void;
}

/** Events of every client. */
export interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** The first word of a Redis error is its kind. GLIDE spells it in its own way. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && /NOSCRIPT|NoScript/.test(error.message);
}
