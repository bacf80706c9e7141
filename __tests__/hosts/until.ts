import type { RunningHost } from './host-process';
import type { State } from './run';

/** Resolves once the state of `host` is as wanted; rejects after 120 seconds. */
export async function until(host: RunningHost, isSo: (state: State) => boolean): Promise<void> {
  const end = performance.now() + 120_000;
  for (let state = await host.state(); !isSo(state); state = await host.state()) {
    if (performance.now() > end) throw new Error(`${isSo.toString()} never holds: ${JSON.stringify(state)}`);
  }
}
