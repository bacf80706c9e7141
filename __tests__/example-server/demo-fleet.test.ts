import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { withRedis } from '../helpers/needs';

withRedis.it(
  'the demo of a fleet shows a limit that is kept, and permits that come back after a kill',
  async () => {
    const args = ['--import', 'tsx', 'example-server/demo-fleet.ts', '--smoke'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/at most 10 at once; the limit is 10\n/);
    expect(stdout).toMatch(/the others had all 10 after \d+ ms\n/);
    expect(stdout).toContain("The fleet never passed its limit, and the killed server's permits came back.");
  },
  120_000,
);
