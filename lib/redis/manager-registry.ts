import { LeaseManager } from './lease-manager.js';
import type { SharedOptions } from './options.js';
import type { Connection } from './sync/connection.js';
import { keyNames } from './sync/keys.js';

/** The live managers of each client. A manager without users is collected. */
const managers = new WeakMap<Connection, Map<string, WeakRef<LeaseManager>>>();
/** Removes the entries of the managers that are collected. */
const collected = new FinalizationRegistry<() => void>((forget) => {
  forget();
});

/**
 * Returns the manager that all objects of this client and these options share. A version above the one it knows replaces
 * the limit.
 */
export function openManager(
  connection: Connection,
  shared: SharedOptions,
  permits: number,
  version: number,
): LeaseManager {
  const { prefix, name, order, queueLimit, leaseMs, timeoutMs, prefetch, onUnavailable, expectedNodes } =
    shared;
  // Only the name can have blanks, and it is last.
  const id = `${prefix} ${order} ${queueLimit} ${leaseMs} ${timeoutMs} ${prefetch} ${onUnavailable} ${expectedNodes} ${name}`;
  const known = managers.get(connection) ?? new Map<string, WeakRef<LeaseManager>>();
  managers.set(connection, known);
  const rules = { permits, version, resizes: 0 };
  let manager = known.get(id)?.deref();
  if (manager === undefined) {
    manager = new LeaseManager(connection, keyNames(prefix, name), shared, rules);
    const reference = new WeakRef(manager);
    known.set(id, reference);
    collected.register(manager, () => {
      if (known.get(id) === reference) known.delete(id);
    });
  }
  manager.open(rules);
  return manager;
}
