// Runs one part of the tests, without coverage: `npm run test:part redis`. Further arguments go to Jest.
import { fileURLToPath } from 'node:url';
import { exitWithUsage, ROOT, run } from './run.mjs';

/** Each folder or file of __tests__/ is in one part. */
export const PARTS = {
  unit: [
    'adaptive/',
    'architecture.test.ts',
    'contracts/',
    'core/',
    'errors.test.ts',
    'internal/',
    'keyed/',
    'metrics/',
    'models/',
    'orders/',
    'testing/',
    'with-semaphore.test.ts',
    'words.test.ts',
  ],
  http: ['faults/', 'http/', 'migrating/'],
  hosts: ['hosts/'],
  redis: ['bad-input/', 'redis/'],
  browser: ['dashboard/', 'example-server/'],
  package: ['docs/', 'examples/', 'package/', 'types/'],
};

/** Arguments of Jest that choose the tests of some parts. */
export function pathsOf(...parts) {
  return parts.flatMap((part) => PARTS[part].map((path) => `__tests__/${path}`));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [part = '', ...args] = process.argv.slice(2);
  if (!(part in PARTS)) exitWithUsage('test:part', Object.keys(PARTS), part);
  const jest = `${ROOT}/node_modules/jest/bin/jest.js`;
  process.exitCode = run(jest, ['--coverage=false', ...args, ...pathsOf(part)]) ? 0 : 1;
}
