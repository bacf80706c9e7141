import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { readStats } from '../../example-server/read-stats';
import { startServer } from '../../example-server/start-server';
import type { ServerProcess } from '../../example-server/start-server';
import { withCurl } from '../helpers/needs';
import { until } from '../helpers/serve';

const shell = promisify(execFile);

let server: ServerProcess;

beforeEach(async () => {
  server = await startServer({ command: ['npm', 'start'], detached: true, env: { SERVICE_MS: '1500' } });
});

afterEach(() => {
  try {
    signalGroup('SIGKILL');
  } catch {
    // All of it has ended, as it should.
  }
});

withCurl.it('npm start prints three curl lines that work', async () => {
  const lines = server.output().match(/^ {2}curl .*$/gm) ?? [];
  expect(lines).toHaveLength(3);
  const [first, second, third] = await Promise.all(lines.map((line) => shell('sh', ['-c', line])));
  expect(first?.stdout).toContain('HTTP/1.1 200 OK');
  expect(second?.stdout).toMatch(/^((200|503) ){20}$/);
  expect(third?.stdout).toContain('"held":');
});

test('a port in use is reported in one line', async () => {
  const port = new URL(server.url).port;
  await expect(startServer({ env: { PORT: port } })).rejects.toThrow(
    `the server ended with 1:\nPort ${port} is in use. Choose another: PORT=3001 npm start\n`,
  );
});

const STOPS: [string, () => void][] = [
  ['SIGTERM to npm, as from a supervisor', () => void server.stop('SIGTERM')],
  [
    'SIGINT to the process group, as from Ctrl+C',
    () => {
      signalGroup('SIGINT');
    },
  ],
];

test.each(STOPS)('npm start ends with the server, which answers first, on %s', async (_name, stop) => {
  const answer = fetch(`${server.url}/users`);
  await until(async () => (await readStats(server.url)).number('limiters', 'users', 'held') === 1);
  stop();
  expect((await answer).status).toBe(200);
  expect(await server.exited).toBe(0);
  expect(server.output()).toMatch(/stopped\n$/);
});

function signalGroup(signal: NodeJS.Signals): void {
  if (server.child.pid !== undefined) process.kill(-server.child.pid, signal);
}
