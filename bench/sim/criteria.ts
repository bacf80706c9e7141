import { CAPACITY } from './phases.js';
import { REFUSAL_MS } from './service.js';
import type { PhaseResult } from './simulate.js';

/** Under overload at least this part of what could be served is. */
const GOODPUT_SHARE = 0.95;
/** Of what the process could serve no more than this is refused. */
const NEEDLESS_SHARE = 0.025;
/** A saturated dependency holds the limit to this, at last. */
const SATURATED_LIMIT = 60;

/** What is wrong with how an adaptive limiter fared; nothing, if it fared well. */
export function faults(results: readonly PhaseResult[]): string[] {
  return results.flatMap((result) => faultsOf(result).map((fault) => `${result.phase.name}: ${fault}`));
}

function faultsOf({ phase, total, seconds }: PhaseResult): string[] {
  const { load, dependency } = phase;
  const found: string[] = [];
  if (dependency.isRefusing === true) return found;
  if (dependency.places !== undefined) {
    const permits = seconds.at(-1)?.permits ?? Infinity;
    return permits <= SATURATED_LIMIT ? found : [`the limit is still ${permits}`];
  }
  const goodput = total.good / phase.seconds / CAPACITY;
  if (load <= 1) {
    const needless = total.refused / total.offered;
    if (needless > NEEDLESS_SHARE) found.push(`${(100 * needless).toFixed(1)} % refused needlessly`);
    return found;
  }
  // A tail that the median does not see costs some.
  const possible = (1 - load * (REFUSAL_MS / 1_000) * CAPACITY) * (dependency.tail === undefined ? 1 : 0.95);
  if (goodput < GOODPUT_SHARE * possible) {
    found.push(`goodput ${goodput.toFixed(3)} of ${possible.toFixed(3)} possible`);
  }
  const p99 = total.percentile(0.99);
  if (!(p99 <= phase.deadlineMs)) found.push(`p99 ${p99.toFixed(0)} ms`);
  return found;
}
