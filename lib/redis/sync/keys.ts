import { createHash } from 'node:crypto';

/** The keys of one limit in Redis. All have the same hash tag, so a cluster keeps them on one server. */
export type KeyNames = readonly [holders: string, queue: string, state: string];

/** The keys by which processes share the samples of one limit. */
export type SampleKeyNames = readonly [leader: string, reports: string, state: string];

/** Names that are used as they are: short, printable, without braces and blanks. */
const PLAIN = /^[\w:.@/+=-]{1,64}$/;

/**
 * Names the keys of a limit. Two limits never have the same keys: a colon of the prefix becomes a slash, which a prefix
 * cannot have, so the first colon ends the prefix. Long or unusual names are hashed, never cut.
 */
export function keyNames(prefix: string, name: string): KeyNames {
  const tag = tagOf(prefix, name);
  return [`${tag}:h`, `${tag}:q`, `${tag}:m`];
}

/** Names the keys of the samples of a limit. The third one is the state of the limit itself. */
export function sampleKeyNames(prefix: string, name: string): SampleKeyNames {
  const tag = tagOf(prefix, name);
  return [`${tag}:a`, `${tag}:r`, `${tag}:m`];
}

function tagOf(prefix: string, name: string): string {
  return `{${prefix.replaceAll(':', '/')}:${PLAIN.test(name) ? name : hashOf(name)}}`;
}

/**
 * Starts with a character that no plain name has. The encoding is UTF-16, because in UTF-8 all unpaired surrogates are
 * the same.
 */
function hashOf(name: string): string {
  return `#${createHash('sha256').update(name, 'utf16le').digest('base64url').slice(0, 27)}`;
}
