import type { IncomingMessage } from 'node:http';
import { clientKey } from 'express-semaphore';

function keyOf(ip: unknown, ipv6Prefix?: number): string | undefined {
  return clientKey({ ipv6Prefix })({ ip } as unknown as IncomingMessage);
}

describe('clientKey', () => {
  it.each<[ip: unknown, key: string | undefined, prefix: number | undefined]>([
    ['203.0.113.7', '203.0.113.7', undefined],
    ['::ffff:203.0.113.7', '203.0.113.7', undefined],
    ['2001:db8:1:2ff:3:4:5:6', '2001:db8:1:200::/56', undefined],
    ['2001:db8:1:2ff:3:4:5:6', '2001:db8:1:2ff::/64', 64],
    ['2001:db8::1', '2001:db8::1/128', 128],
    ['fe80::1%eth0', 'fe80::/56', undefined],
    [undefined, undefined, undefined],
    ['', undefined, undefined],
    ['unknown', undefined, undefined],
    ['203.0.113.7, 10.0.0.1', undefined, undefined],
  ])('makes of %p the key %p', (ip, key, prefix) => {
    expect(keyOf(ip, prefix)).toBe(key);
  });

  it.each<[prefix: unknown, error: Error]>([
    [0, new RangeError('ipv6Prefix must be an integer of at least 1, got 0')],
    [129, new RangeError('ipv6Prefix must be 1 to 128, got 129')],
    ['64', new TypeError('ipv6Prefix must be a number, got "64"')],
  ])('refuses a prefix of %p', (prefix, error) => {
    expect(() => clientKey({ ipv6Prefix: prefix as number })).toThrow(error);
  });
});
