import { CLOCK_CHECK, systemClock } from '../internal/clock.js';
import type { Clock } from '../internal/clock.js';
import { readOptions, unchecked } from '../internal/options.js';
import { integer, requireDuration } from '../internal/validate.js';

/** Options of a `KeyedSemaphore`. */
export interface KeyedSemaphoreOptions {
  /** Name in `stats()`, events and metrics. */
  readonly name?: string | undefined;

  /** Maximum number of keys. A new key evicts the one that has been idle for longest. @defaultValue `100_000` */
  readonly maxKeys?: number | undefined;

  /** Time that a key is kept after its last release, in milliseconds. @defaultValue `60_000` */
  readonly idleTtlMs?: number | undefined;

  /** Source of time, for tests and simulations. @defaultValue the platform's monotonic clock */
  readonly clock?: Clock | undefined;
}

/** The options with defaults. */
export function readKeyedOptions(options: KeyedSemaphoreOptions) {
  const {
    name,
    maxKeys = 100_000,
    idleTtlMs = 60_000,
    clock = systemClock,
  } = readOptions('KeyedSemaphore', options, {
    name: unchecked,
    maxKeys: integer(1),
    idleTtlMs: requireDuration,
    clock: CLOCK_CHECK,
  });
  return { name, maxKeys, idleTtlMs, clock };
}
