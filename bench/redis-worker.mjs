// One of the processes of the saturated run: prints when each of its workers asked for a permit, and when it got it.
import { setTimeout as pause } from 'node:timers/promises';
import { makeNode, now } from './redis-subjects.mjs';

const WORKERS = 50;
const PERMITS = 5;
const HOLD_MS = 10;

const [subject, port, runMs] = process.argv.slice(2);
const waits = [];
const { run, close } = await makeNode(subject, port, 'saturated', PERMITS);
const end = performance.now() + Number(runMs);
await Promise.all(Array.from({ length: WORKERS }, work));
await close();
process.stdout.write(JSON.stringify(waits), () => process.exit());

async function work() {
  while (performance.now() < end) {
    const asked = now();
    await run(async () => {
      waits.push({ asked, got: now() });
      await pause(HOLD_MS);
    });
  }
}
