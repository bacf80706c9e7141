/** What the server under fire tells of itself over its control channel. */
export interface Report {
  /** Whether all came to rest: no connection, no permit held, no waiter, no handler at work. */
  readonly quiet: boolean;
  readonly connections: number;
  readonly held: number;
  readonly waiting: number;
  /** By what they do: how many handlers are at it, and how many were at most. */
  readonly handlers: Readonly<Record<string, { readonly running: number; readonly highest: number }>>;
  /** Handlers that ran in the async context of another request. */
  readonly strayed: number;
  /** Responses made so far, and those of them that are still in memory after a garbage collection. */
  readonly responses: number;
  readonly kept: number;
  readonly heapBytes: number;
  /** Warnings, and errors that nobody handled. */
  readonly complaints: readonly string[];
}
