import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import { requireInteger, requireOptions } from '../internal/validate.js';
import { warnOfUnknown } from '../internal/warn.js';

/** How `clientKey` tells clients apart. */
export interface ClientKeyOptions {
  /**
   * Leading bits of an IPv6 address that name one client, 1 to 128: a client moves freely within the subnet that its
   * provider gave it, most often a /56 or a /64. @defaultValue `56`
   */
  readonly ipv6Prefix?: number | undefined;
}

/**
 * Makes a `key` for `limit` from the client's address: Express's `req.ip`, which counts `X-Forwarded-For` only as far as
 * `trust proxy` says, or else the connection's address. An IPv6 address is cut to its subnet, an IPv4-mapped one
 * counts as its IPv4 address. The key is `undefined`, hence the request an error, when there is no address (a Unix
 * socket) or what the proxy sent is none.
 *
 * @throws `TypeError` or `RangeError` for a bad `ipv6Prefix`.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { clientKey, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
 * import type { ClientKeyOptions } from 'express-semaphore';
 *
 * const options: ClientKeyOptions = { ipv6Prefix: 48 };
 * const perClient = new KeyedSemaphore(() => new Semaphore(5));
 * express().use(limit(perClient, { key: clientKey(options) }));
 * ```
 */
export function clientKey(options: ClientKeyOptions = {}): (req: IncomingMessage) => string | undefined {
  requireOptions(options);
  const { ipv6Prefix = 56, ...unknown } = options;
  warnOfUnknown('clientKey', unknown);
  requireInteger('ipv6Prefix', ipv6Prefix, 1, 128);

  return function keyOfClient(req) {
    const text = 'ip' in req ? req.ip : req.socket.remoteAddress;
    if (typeof text !== 'string' || !ipaddr.isValid(text)) return undefined;
    const address = ipaddr.process(text);
    if (address.kind() === 'ipv4') return address.toString();
    const subnet = ipaddr.IPv6.networkAddressFromCIDR(`${text}/${ipv6Prefix}`);
    return `${subnet.toString()}/${ipv6Prefix}`;
  };
}
