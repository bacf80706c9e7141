// A program that uses each kind of code of the package: bundlers.test.ts bundles it and runs the bundle.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { clientKey, KeyedSemaphore, limit, Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import { dashboard } from 'express-semaphore/dashboard';
import { RedisSemaphore } from 'express-semaphore/redis';

void main();

async function main() {
  const semaphore = new Semaphore(1);
  const perClient = new KeyedSemaphore(() => new AdaptiveSemaphore());
  const page = dashboard({ semaphore }, { authorize: () => true });
  const gate = limit(perClient, { key: clientKey() });
  const server = createServer((req, res) => gate(req, res, () => page(req, res, () => res.end())));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
  const text = await answer.text();
  server.close();
  console.log(
    await semaphore.run(() => 'ran'),
    answer.status,
    text.includes('<title>'),
    typeof RedisSemaphore,
  );
}
