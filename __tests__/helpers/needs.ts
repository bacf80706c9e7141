/** Skips tests whose system command is not installed. The title of such a test names the command, so that a report can count it. */
import { findCommand } from './commands';
import type { Command } from './commands';

interface Needs {
  readonly describe: jest.Describe;
  readonly it: jest.It;
}

/** `describe` and `it` for tests that need a command. Jest runs no hook of a block whose tests are all skipped. */
function needs(command: Command): Needs {
  if (findCommand(command) !== undefined) return { describe, it };
  const label = `needs ${command}: `;
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
