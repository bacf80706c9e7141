/** Skips tests whose requirement is not installed. The title of a skipped test names it, so that a report can count it. */
import { isInstalled } from './requirements';
import type { Command, Project } from './requirements';

interface Needs {
  readonly describe: jest.Describe;
  readonly it: jest.It;
}

/** `describe` and `it` for tests with a requirement. Jest runs no hook of a block whose tests are all skipped. */
function needs(name: Command | Project): Needs {
  if (isInstalled(name)) return { describe, it };
  const label = `needs ${name}: `;
  return { describe: labelled(describe.skip, label), it: labelled(it.skip, label) } as Needs;
}

function labelled(skip: jest.Describe | jest.It, label: string): unknown {
  const define = (title: string, body: never) => {
    skip(`${label}${title}`, body);
  };
  const each = (table: never) => (title: string, body: never) => {
    skip.each(table)(`${label}${title}`, body);
  };
  return Object.assign(define, { each });
}

export const withRedis = needs('redis-server');
export const withBrowser = needs('chromium');
export const withCurl = needs('curl');
export const withPrometheus = needs('prometheus');
export const withBundlers = needs('bundlers');
