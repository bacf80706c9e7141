import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

describe('a process in which every kind of call fails', () => {
  it('exits with code 0, because each rejection is handled', async () => {
    const script = join(__dirname, 'every-rejection.ts');
    // An unhandled rejection ends a process with an error, unless it is told otherwise.
    const args = ['--unhandled-rejections=strict', '--import', 'tsx', script];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
    expect(stderr).toBe('');
    const outcomes = new Set(JSON.parse(stdout) as string[]);
    for (const name of [
      'QueueFullError',
      'WaitTimeoutError',
      'ClosedError',
      'TooManyKeysError',
      'AbortError',
      'TimeoutError',
      'RangeError',
    ]) {
      expect(outcomes).toContain(name);
    }
  });
});
