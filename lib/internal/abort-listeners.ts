/** Called when a signal aborts. */
export interface AbortListener {
  aborted(): void;
}

/**
 * The listeners of each signal. The signal itself gets one, however many there are: the platform walks its own list at
 * each add and remove, so 100,000 waiters on one signal would take minutes.
 */
const watched = new WeakMap<AbortSignal, Set<AbortListener>>();

/** Calls `watcher.aborted()` when `signal` aborts. It must not have aborted yet. */
export function addAbortListener(signal: AbortSignal, watcher: AbortListener): void {
  const watchers = watched.get(signal);
  if (watchers !== undefined) {
    watchers.add(watcher);
    return;
  }
  watched.set(signal, new Set([watcher]));
  signal.addEventListener('abort', tellWatchers, ONCE);
}

/** Removes a listener. With the last one, the signal's own listener is removed, too. */
export function removeAbortListener(signal: AbortSignal, watcher: AbortListener): void {
  const watchers = watched.get(signal);
  if (watchers === undefined) return;
  watchers.delete(watcher);
  if (watchers.size > 0) return;
  watched.delete(signal);
  signal.removeEventListener('abort', tellWatchers);
}

/** Resolves with `promise`, or rejects with the reason of `signal` when it aborts first. */
export function unlessAborted<Value>(promise: Promise<Value>, signal?: AbortSignal): Promise<Value> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const listener = {
      aborted: () => {
        reject(signal.reason as Error);
      },
    };
    addAbortListener(signal, listener);
    promise.then(resolve, reject).finally(() => {
      removeAbortListener(signal, listener);
    });
  });
}

/** As `AbortSignal.any`, which the first releases of Node 20 lack. It listens to each signal until one aborts. */
export function anySignal(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    const follow = () => {
      controller.abort(signal.reason);
    };
    if (signal.aborted) follow();
    else signal.addEventListener('abort', follow, { once: true, signal: controller.signal });
  }
  return controller.signal;
}

function tellWatchers(this: AbortSignal): void {
  const watchers = watched.get(this);
  if (watchers === undefined) return;
  // A listener removes itself when it is called, and may remove others.
  for (const watcher of watchers) watcher.aborted();
}

const ONCE = { once: true };
