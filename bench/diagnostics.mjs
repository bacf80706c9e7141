// Cost of diagnostics channels for a permit, compared with a copy of the package that has no channels.
import diagnostics from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { compare, interleave, report, smoke, time } from './harness.mjs';

const PAIRS = smoke ? 1_000 : 1_000_000;
const ROUNDS = 9;
const EVENTS = ['acquire', 'queued', 'release', 'reject', 'lost', 'limit'];

const require = createRequire(import.meta.url);
const withoutListeners = new (loadPackage().Semaphore)(4);
const withoutChannels = new (loadPackage({ withChannels: false }).Semaphore)(4);
const measured = new (loadPackage().Semaphore)(4);
measured.stats();
const { Semaphore, observe } = loadPackage();
const watched = new Semaphore(4, { name: 'watched' });

const samples = await interleave(
  {
    'nobody listens': nanosecondsAPair(withoutListeners),
    'no channels': nanosecondsAPair(withoutChannels),
    'stats() has been called': nanosecondsAPair(measured),
    'a listener on each channel': nanosecondsAPair(watched, listenToAll),
  },
  ROUNDS,
);

report(
  'Diagnostics: one permit acquired and released; ratio to a copy without channels',
  'ns a pair',
  compare(samples, 'no channels', { 'nobody listens': '<= 1.1' }),
);

/** Loads a copy of the package with its own module state. Copies share the channels, which Node finds by name. */
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

/** Measures the nanoseconds for a pair of acquire and release. `listen` subscribes and returns what unsubscribes. */
function nanosecondsAPair(semaphore, listen = () => () => undefined) {
  return async () => {
    const stop = listen();
    // In portions of 1,000: a process that uses a limiter yields to the event loop between requests.
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
  let messages = 0;
  const stops = EVENTS.map((event) => observe(event, () => messages++));
  return () => {
    for (const stop of stops) stop();
  };
}
