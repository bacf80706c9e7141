// The process that receives a permit. At each message it requests the one permit, says so, and says when it has it.
import { LIBRARIES } from './redis-libraries.mjs';
import { makeNode, now } from './redis-subjects.mjs';

const [subject, port, library] = process.argv.slice(2);
const ask = subject === 'raw publish hop' ? await makeHearer() : await makeWaiter();
process.on('message', async () => {
  const got = ask();
  process.send('asked');
  process.send(await got);
});
process.send('ready');

async function makeHearer() {
  const { open, hear } = LIBRARIES[library];
  const next = await hear(await open(Number(port)), 'hop');
  return () => next().then(now);
}

async function makeWaiter() {
  const { run } = await makeNode(subject, port, 'hand-off', 1, library);
  return () => run(now);
}
