/** What wants to know when a signal aborts. */
export interface AbortListener {
  aborted(): void;
}

/**
 * Who watches which signal. A signal gets one listener, however many watch it: the platform's own list is walked
 * on every add and remove, which makes 100,000 waiters on one signal take minutes.
 */
const watched = new WeakMap<AbortSignal, Set<AbortListener>>();

/** Calls `watcher.aborted()` when `signal`, which has not aborted yet, aborts. */
export function addAbortListener(signal: AbortSignal, watcher: AbortListener): void {
  const watchers = watched.get(signal);
  if (watchers !== undefined) {
    watchers.add(watcher);
    return;
  }
  watched.set(signal, new Set([watcher]));
  signal.addEventListener('abort', tellWatchers, ONCE);
}

/** Stops watching; the last one to leave takes the listener along. */
export function removeAbortListener(signal: AbortSignal, watcher: AbortListener): void {
  const watchers = watched.get(signal);
  if (watchers === undefined) return;
  watchers.delete(watcher);
  if (watchers.size > 0) return;
  watched.delete(signal);
  signal.removeEventListener('abort', tellWatchers);
}

function tellWatchers(this: AbortSignal): void {
  const watchers = watched.get(this);
  if (watchers === undefined) return;
  // A watcher that has been told leaves, and may take others with it.
  for (const watcher of watchers) watcher.aborted();
}

const ONCE = { once: true };
