// Puts load on the example server and prints the figures: `npm run demo`.
// `npm run demo:fleet` starts three servers and a Redis, and kills one of the servers.
import { exitWithUsage, isInstalled, run } from './run.mjs';

const [name, ...args] = process.argv.slice(2);

if (name === undefined || name.startsWith('-')) {
  finish(run('example-server/demo.ts', process.argv.slice(2)));
} else if (name === 'fleet') {
  finish(isInstalled('redis-server') && run('example-server/demo-fleet.ts', args));
} else {
  exitWithUsage('demo', ['fleet'], name);
}

function finish(isSuccess) {
  process.exitCode = isSuccess ? 0 : 1;
}
