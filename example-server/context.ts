import type { Limiters } from './limiters.js';
import type { Playground } from './playground/playground.js';
import type { Work } from './work.js';

/** What the routes share. */
export interface AppContext {
  readonly limiters: Limiters;
  readonly work: Work;
  readonly playground: Playground;
  /** Aborts when the server is about to stop. Streams without an end then end. */
  readonly stopping: AbortSignal;
}
