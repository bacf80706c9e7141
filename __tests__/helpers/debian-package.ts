import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Time that a machine without a package may take to install it, in milliseconds. */
export const INSTALL_MS = 300_000;

/**
 * Makes sure that a command is there. Root installs what is missing where there is apt, one process at a time; anybody
 * else is told what to install.
 */
export function requireCommand(command: string, debianPackage = command): void {
  if (has(command)) return;
  if (process.getuid?.() === 0 && has('apt-get') && has('flock')) {
    const install = `command -v ${command} || { apt-get -q update; apt-get -qy install --no-install-recommends ${debianPackage}; }`;
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('flock', [join(tmpdir(), 'express-semaphore-apt.lock'), 'sh', '-c', install], { env });
  }
  if (!has(command)) throw new Error(`these tests need ${command}: apt-get install ${debianPackage}`);
}

function has(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}
