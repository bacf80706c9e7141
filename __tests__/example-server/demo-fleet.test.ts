import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { withRedis } from '../helpers/needs';

withRedis.it(
  'the demo of a fleet keeps its bounds while Redis is down and after a kill, or says that the machine is too slow to judge',
  async () => {
    const args = ['--import', 'tsx', 'example-server/demo-fleet.ts', '--smoke'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^(The fleet never exceeded its bounds, and the permits of the killed server were free again|The machine was too slow to judge: .*)\.$/m,
    );
  },
);
