// What the scripts with arguments share: one program in a process of its own, and the system commands that it needs.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Runs a program of this repository, TypeScript included, in the foreground. Returns whether it succeeded. */
export function run(file, args = [], env = {}) {
  const loader = /\.m?ts$/.test(file) ? ['--import', 'tsx'] : [];
  const { status } = spawnSync(process.execPath, [...loader, file, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  return status === 0;
}

/** Whether a system command is installed. If it is not, one line says how to get it. */
export function isInstalled(command) {
  if (spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined) return true;
  console.error(`Skipped: this needs ${command}. "npm run setup" installs it on Debian.`);
  return false;
}

/** Prints the names that a script takes, and ends the process with a failure. */
export function exitWithUsage(script, names, unknown) {
  console.error(`npm run ${script} has no "${unknown}". It takes: ${names.join(', ')}`);
  process.exit(2);
}
