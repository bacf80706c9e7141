import { setImmediate } from 'node:timers';
import { runInRootContext } from '../internal/root-context.js';

/** Requests that have their permit and wait for a turn of the event loop, in the order of their grants. */
const ready: (() => void)[] = [];
let next = 0;
const BATCH = 1_024;

/**
 * Resolves in a turn of the event loop that no other request got. Requests that are granted together start one after
 * another, and the loop reads from its sockets in between. The continuation runs in the caller's async context.
 */
export function freshTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (ready.push(resolve) === 1) schedule();
  });
}

function schedule(): void {
  // The chain of turns outlives the request that begins it.
  runInRootContext(() => setImmediate(startNext));
}

function startNext(): void {
  ready[next++]?.();
  // Under steady load the list never empties, so those that have started are removed in batches.
  if (next === ready.length || next === BATCH) {
    ready.splice(0, next);
    next = 0;
  }
  if (ready.length > 0) schedule();
}
