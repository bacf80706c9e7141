// What watching costs a permit: nothing while nobody listens, which is compared with a copy of the package that has no
// channels to ask; and for those who want to know, what they pay.
import diagnostics from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { compare, interleave, report, smoke, time } from './harness.mjs';

const PAIRS = smoke ? 1_000 : 1_000_000;
const ROUNDS = 9;
const EVENTS = ['acquire', 'queued', 'release', 'reject', 'lost', 'limit'];

const require = createRequire(import.meta.url);
const unwatched = new (loadPackage().Semaphore)(4);
const withoutChannels = new (loadPackage({ withChannels: false }).Semaphore)(4);
const measured = new (loadPackage().Semaphore)(4);
measured.stats();
const { Semaphore, observe } = loadPackage();
const watched = new Semaphore(4, { name: 'watched' });

const samples = await interleave(
  {
    'nobody listens': nsAPair(unwatched),
    'no channels': nsAPair(withoutChannels),
    'stats() was asked': nsAPair(measured),
    'a listener on each channel': nsAPair(watched, listenToAll),
  },
  ROUNDS,
);

report(
  'Diagnostics: one permit taken and given back; ratio to a copy without channels',
  'ns a pair',
  compare(samples, 'no channels', { 'nobody listens': '<= 1.1' }),
);

/** A copy of the package that shares nothing with the others; its channels are those of all, if it has any. */
function loadPackage({ withChannels = true } = {}) {
  for (const file of Object.keys(require.cache)) if (/[\\/]dist[\\/]/.test(file)) delete require.cache[file];
  const { channel } = diagnostics;
  if (!withChannels) diagnostics.channel = () => ({ hasSubscribers: false });
  try {
    return require('../dist/index.js');
  } finally {
    diagnostics.channel = channel;
  }
}

/** `listen` starts what is measured along, and returns what ends it: nobody else is to pay for it. */
function nsAPair(semaphore, listen = () => () => undefined) {
  return async () => {
    const stop = listen();
    // In portions, as messages come when the limiter's user lets go of the thread.
    const ms = await time(async () => {
      for (let portion = 0; portion < PAIRS / 1_000; portion++) {
        for (let i = 0; i < 1_000; i++) semaphore.tryAcquire().release();
        await undefined;
      }
    });
    stop();
    return (ms * 1e6) / PAIRS;
  };
}

function listenToAll() {
  let told = 0;
  const stops = EVENTS.map((event) => observe(event, () => told++));
  return () => {
    for (const stop of stops) stop();
  };
}
