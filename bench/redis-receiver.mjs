// The process to which the other hands over: told to, it asks for the one permit, says so, and then says when it got it.
import { Redis } from 'ioredis';
import { makeNode, now } from './redis-subjects.mjs';

const [subject, port] = process.argv.slice(2);
const ask = subject === 'raw publish hop' ? await makeHearer() : await makeWaiter();
process.on('message', async () => {
  const got = ask();
  process.send('asked');
  process.send(await got);
});
process.send('ready');

async function makeHearer() {
  const client = new Redis({ host: '127.0.0.1', port: Number(port) });
  await client.subscribe('hop');
  return () => new Promise((resolve) => client.once('message', () => resolve(now())));
}

async function makeWaiter() {
  const { run } = await makeNode(subject, port, 'hand-off', 1);
  return () => run(now);
}
