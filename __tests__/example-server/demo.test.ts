import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

test('the demo exceeds no limit, and its table fits 100 columns', async () => {
  const args = ['--import', 'tsx', 'example-server/demo.ts', '--smoke'];
  // No server listens on port 1, so the demo starts one of its own.
  const env = { ...process.env, PORT: '1' };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env });
  expect(stderr).toBe('');
  expect(stdout).toContain('No limit was exceeded, and nothing was rejected below a limit.');
  const table = stdout.split('\n').filter((row) => /^(load|users,|orders,|one user,)/.test(row));
  expect(table.length).toBeGreaterThan(6);
  expect(Math.max(...table.map((row) => row.length))).toBeLessThanOrEqual(100);
});
