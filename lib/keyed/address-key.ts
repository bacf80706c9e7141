import { isIPv6 } from 'node:net';
import { warnOnce } from '../internal/warn.js';

/** Warns if `key`, a new one, is a whole IPv6 address, of which each client has more than anybody can count. */
export function warnOfAddress(key: string): void {
  if (!isIPv6(key) || LOCAL_OR_MAPPED.test(key)) return;
  const what = 'a key is a whole IPv6 address, and its client has many: clientKey() takes the subnet';
  warnOnce('WARN_SEMAPHORE_ADDRESS_KEY', what, new Error().stack);
}

const LOCAL_OR_MAPPED = /^::(1$|ffff:)/i;
