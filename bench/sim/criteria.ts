import { CAPACITY } from './phases.js';
import type { Phase } from './phases.js';
import { REJECTION_MS } from './service.js';
import type { PhaseResult } from './simulate.js';

/** Smallest goodput under overload, as a share of the possible goodput. */
const GOODPUT_SHARE = 0.95;
/** The same in a phase in which the limit must first be found. */
const FOUND_ANEW_SHARE = 0.85;
/** Largest share of rejected clients while the process could serve all. */
const NEEDLESS_SHARE = 0.025;
/** Largest limit at the end of a phase with a full dependency. */
const SATURATED_LIMIT = 60;

/** The faults of an adaptive limit. */
export function faults(results: readonly PhaseResult[]): string[] {
  return results.flatMap((result) => faultsOf(result).map((fault) => `${result.phase.name}: ${fault}`));
}

function faultsOf({ phase, total, seconds }: PhaseResult): string[] {
  const { slowdown = 1, dependency } = phase;
  const found: string[] = [];
  if (dependency.isFailing === true) return found;
  if (dependency.places !== undefined) {
    const permits = seconds.at(-1)?.permits ?? Infinity;
    return permits <= SATURATED_LIMIT ? found : [`the limit is still ${permits}`];
  }
  if (isServable(phase)) {
    const needless = total.rejected / total.offered;
    if (needless > NEEDLESS_SHARE) found.push(`${(100 * needless).toFixed(1)} % rejected needlessly`);
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

/** True when the process and its dependency can serve every request of a phase. */
export function isServable({ load, slowdown = 1, dependency }: Phase): boolean {
  return typeof load === 'number' && load * slowdown <= 1 && dependency.places === undefined;
}

/** The largest goodput of an overloaded process, as a share of its capacity: it must also read and reject the rest. */
function possibleGoodput({ load, slowdown = 1, dependency }: Phase): number {
  if (typeof load !== 'number') return NaN;
  const rejectionShare = (REJECTION_MS / 1_000) * CAPACITY;
  const possible = (1 / slowdown - load * rejectionShare) / (1 - rejectionShare);
  // A median does not see the tail, which costs a part.
  return possible * (dependency.latencyMs === undefined ? 1 : 0.95);
}
