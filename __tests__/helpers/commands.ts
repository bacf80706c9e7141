/** Finds the system commands that some tests and demos need. Nothing here installs anything. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A command of the system, and the names that distributions give it. */
export const COMMANDS = {
  'redis-server': ['redis-server'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'],
  curl: ['curl'],
} as const;

export type Command = keyof typeof COMMANDS;

/** The path of an installed command; `undefined` when it is not installed. */
export function findCommand(command: Command): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return COMMANDS[command]
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => isExecutable(path));
}

/** The path of an installed command. Ends the process with one line on standard error when it is not installed. */
export function findCommandOrExit(command: Command): string {
  const path = findCommand(command);
  if (path !== undefined) return path;
  console.error(`This needs ${command}: "npm run setup" installs it on Debian.`);
  process.exit(1);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
