import { createHash } from 'node:crypto';

/** The keys that one limit has in Redis: holders, queue, meta. All share a hash tag, so a cluster keeps them together. */
export type KeyNames = readonly [holders: string, queue: string, meta: string];

/** What stands in a key as it is: short, printable, no braces, no blanks. */
const PLAIN = /^[\w:.@/+=-]{1,64}$/;

/** Names the keys of the limit called `name`. A name that is long or has odd characters is hashed, never cut. */
export function keyNames(prefix: string, name: string): KeyNames {
  const tag = `{${prefix}:${PLAIN.test(name) ? name : hashed(name)}}`;
  return [`${tag}:h`, `${tag}:q`, `${tag}:m`];
}

/**
 * Starts with a character that no plain name has, so the two kinds never meet. In UTF-8 all halves of a surrogate pair
 * that stand alone would be the same.
 */
function hashed(name: string): string {
  return `#${createHash('sha256').update(name, 'utf16le').digest('base64url').slice(0, 27)}`;
}
