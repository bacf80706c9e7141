import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import { readOptions } from '../internal/options.js';
import { integer, requireFunction, requireNoRequest, requireString } from '../internal/validate.js';

/** Options of `clientKey`. */
export interface ClientKeyOptions<Req = IncomingMessage> {
  /**
   * Leading bits of an IPv6 address that identify one client, 1 to 128. A client moves freely within the subnet that its
   * provider assigned, most often a /56 or a /64. @defaultValue `56`
   */
  readonly ipv6Prefix?: number | undefined;

  /**
   * The trusted address of the client, for a host that keeps it elsewhere, such as Koa in `ctx.ip`.
   * @defaultValue `req.ip`, or the connection's address where the host sets no `req.ip`
   */
  readonly address?: ((req: Req) => string | undefined) | undefined;
}

/**
 * Makes a `key` for `limit` from the client's address. The default address is Express's `req.ip`, which trusts
 * `X-Forwarded-For` only as `trust proxy` says.
 *
 * A port is ignored. An IPv6 address is cut to its subnet. An IPv4-mapped or NAT64 address (`64:ff9b::/96`) counts as its
 * IPv4 address. Without a valid address the key is `undefined`, and `limit` passes an error on: on a Unix socket, or when
 * the proxy sent `unknown`.
 *
 * @param options - How much of an IPv6 address counts, and where the address is.
 *
 * @throws `TypeError` or `RangeError` for a bad option, naming the option and the value.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { clientKey, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
 *
 * const perClient = new KeyedSemaphore(() => new Semaphore(5));
 * express().use(limit(perClient, { key: clientKey({ ipv6Prefix: 48 }) }));
 * ```
 */
export function clientKey<Req extends IncomingMessage = IncomingMessage>(
  options: ClientKeyOptions<Req> = {},
): (req: Req) => string | undefined {
  requireNoRequest('clientKey', options, 'as in limit(keyed, { key: clientKey() })');
  const { ipv6Prefix = 56, address = addressOf } = readOptions('clientKey', options, {
    ipv6Prefix: integer(1, 128),
    address: requireFunction,
  });

  return function keyOfClient(req) {
    const written = address(req);
    if (written !== undefined) requireString('what address returns', written);
    const text = withoutPort(written ?? '');
    if (!ipaddr.IPv6.isValid(text) && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
    const ip = ipaddr.process(text);
    if (ip instanceof ipaddr.IPv4) return ip.toString();
    const bytes = ip.toByteArray();
    // Not under the local prefix of RFC 8215, where a network chooses the place of the IPv4 address.
    if (TRANSLATED.test(ip.range()) && bytes[5] === 0) return new ipaddr.IPv4(bytes.slice(-4)).toString();
    const subnet = ipaddr.IPv6.networkAddressFromCIDR(`${text}/${ipv6Prefix}`);
    return `${subnet.toString()}/${ipv6Prefix}`;
  };
}

/** Ranges whose addresses end with an IPv4 address: NAT64, and its older form without a state. */
const TRANSLATED = /^rfc6(052|145)$/;

function addressOf(req: IncomingMessage): string | undefined {
  // A request that no connection brought has no socket.
  const ip: unknown = 'ip' in req ? req.ip : (req as Partial<IncomingMessage>).socket?.remoteAddress;
  return typeof ip === 'string' ? ip : undefined;
}

/** The address in `1.2.3.4:54321`, `[2001:db8::1]:443` and `[2001:db8::1]`, as proxies write them; other texts unchanged. */
function withoutPort(text: string): string {
  const match = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(text);
  return match?.[1] ?? match?.[2] ?? text;
}
