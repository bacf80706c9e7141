import { CAPACITY } from './phases.js';
import type { Phase } from './phases.js';
import { REFUSAL_MS } from './service.js';
import type { PhaseResult } from './simulate.js';

/** Under overload at least this part of what could be served is. */
const GOODPUT_SHARE = 0.95;
/** That part where the limit has to be found anew while it lasts. */
const FOUND_ANEW_SHARE = 0.85;
/** Of what the process could serve no more than this is refused. */
const NEEDLESS_SHARE = 0.025;
/** A saturated dependency holds the limit to this, at last. */
const SATURATED_LIMIT = 60;

/** What is wrong with how an adaptive limiter fared; nothing, if it fared well. */
export function faults(results: readonly PhaseResult[]): string[] {
  return results.flatMap((result) => faultsOf(result).map((fault) => `${result.phase.name}: ${fault}`));
}

function faultsOf({ phase, total, seconds }: PhaseResult): string[] {
  const { load, slowdown = 1, dependency } = phase;
  const found: string[] = [];
  if (dependency.isRefusing === true) return found;
  if (dependency.places !== undefined) {
    const permits = seconds.at(-1)?.permits ?? Infinity;
    return permits <= SATURATED_LIMIT ? found : [`the limit is still ${permits}`];
  }
  if (load * slowdown <= 1) {
    const needless = total.refused / total.offered;
    if (needless > NEEDLESS_SHARE) found.push(`${(100 * needless).toFixed(1)} % refused needlessly`);
    return found;
  }
  const share = slowdown === 1 ? GOODPUT_SHARE : FOUND_ANEW_SHARE;
  const [goodput, possible] = [total.good / phase.seconds / CAPACITY, possibleGoodput(phase)];
  if (goodput < share * possible) {
    found.push(`goodput ${goodput.toFixed(3)} of ${possible.toFixed(3)} possible`);
  }
  const p99 = total.percentile(0.99);
  if (!(p99 <= phase.deadlineMs)) found.push(`p99 ${p99.toFixed(0)} ms`);
  return found;
}

/** What an overloaded process could serve of its capacity, beside reading and refusing the rest. */
function possibleGoodput({ load, slowdown = 1, dependency }: Phase): number {
  const unread = 1 - load * (REFUSAL_MS / 1_000) * CAPACITY;
  // A tail that the median does not see costs some.
  return (unread / slowdown) * (dependency.tail === undefined ? 1 : 0.95);
}
