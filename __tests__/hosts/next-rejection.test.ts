import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NEWER_HOSTS_RUN } from './hosts';

const run = promisify(execFile);
const HOSTS = ['Express 5', 'Express 4', 'Connect', 'Polka', 'NestJS', 'Fastify', 'Koa'];
/** Restify needs Node 22. */
const hosts = NEWER_HOSTS_RUN ? [...HOSTS, 'Restify'] : HOSTS;

describe('a rejection that onRejected passes to next', () => {
  it.each([
    [503, []],
    [429, ['429']],
  ])(
    'is answered with its status, here %i, and Retry-After by every host, which lives on',
    async (status, args) => {
      const { stdout } = await run(
        process.execPath,
        ['--import', 'tsx', join(__dirname, 'next-rejection.mts'), ...args],
        { env: { ...process.env, NODE_ENV: 'test', TSX_TSCONFIG_PATH: join(__dirname, 'tsconfig.json') } },
      );
      const answers = JSON.parse(stdout) as Record<string, { status: number; retryAfter: string | null }>;
      expect(Object.keys(answers).sort()).toEqual([...hosts].sort());
      for (const [host, answer] of Object.entries(answers)) {
        // NestJS and Restify send no headers of an error.
        const retryAfter: unknown = ['NestJS', 'Restify'].includes(host)
          ? null
          : expect.stringMatching(/^[12]$/);
        expect({ host, ...answer }).toEqual({ host, status, retryAfter });
      }
    },
  );
});
