/** Finds what some tests and demos need beyond `npm ci`. Nothing here installs anything: `npm run setup` does. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The names that distributions give a system command. */
const COMMANDS = {
  'redis-server': ['redis-server'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'],
  curl: ['curl'],
  prometheus: ['prometheus'],
} as const;

/** Folders of __tests__/ with dependencies of their own. */
const PROJECTS = { bundlers: 'package/bundlers', 'newer-hosts': 'hosts/newer-node' } as const;

export type Command = keyof typeof COMMANDS;
export type Project = keyof typeof PROJECTS;

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

export function isInstalled(name: Command | Project): boolean {
  return name in PROJECTS
    ? existsSync(join(__dirname, '..', PROJECTS[name as Project], 'node_modules'))
    : findCommand(name as Command) !== undefined;
}

/** The commands and projects that are not installed. */
export function findMissing(): string[] {
  const names = [...Object.keys(COMMANDS), ...Object.keys(PROJECTS)] as (Command | Project)[];
  return names.filter((name) => !isInstalled(name));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
