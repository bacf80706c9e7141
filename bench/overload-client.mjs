// Sends requests at a rate, whatever becomes of them, from a process of its own, so that load on the server does not slow
// the client. It notes how late it sends, and its processor time: it must not be the limit.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const { port, connections, phases, deadlineMs, bucketMs, client } = JSON.parse(process.argv[2]);
/** The server runs on one core. The others of the machine are for the clients. */
const { keepAlive = true, obeys = false, tries = 1, pauseMs = 100 } = client;
const REQUEST = `GET /work HTTP/1.1\r\nHost: bench\r\n${keepAlive ? '' : 'Connection: close\r\n'}\r\n`;

const free = [];

/** What became of the requests of a phase, in buckets by the time at which they were due. */
class Phase {
  sent = 0;
  rejected = 0;
  withoutConnection = 0;
  latencies = [];
  lateMs = [];
  good = [];
  due = [];

  note(request, name) {
    const bucket = Math.floor(request.sinceMs / bucketMs);
    this[name][bucket] = (this[name][bucket] ?? 0) + 1;
  }
}

/** A connection with one request at a time. An answer after the deadline is one to nobody. */
class Connection {
  #socket;
  #request;
  #tryAt = 0;
  #text = '';

  constructor(request) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
    this.#socket.on('data', (text) => this.#receive(text));
    this.#socket.on('error', () => undefined);
    this.#socket.on('connect', () => {
      if (request === undefined) free.push(this);
      else this.send(request);
    });
    if (request !== undefined) {
      this.#request = request;
      this.#tryAt = performance.now();
      this.#socket.on('close', () => this.#end());
    } else if (keepAlive) this.#socket.on('close', () => void (this.#request ? this.#end() : remove(this)));
  }

  send(request) {
    this.#request = request;
    this.#tryAt = request.tries === 1 ? request.dueAt : performance.now();
    this.#text = '';
    this.#socket.write(REQUEST);
  }

  /** The server has closed the connection without an answer. */
  #end() {
    if (this.#request === undefined) return;
    retry(this.#request);
    this.#request = undefined;
    if (keepAlive) new Connection();
  }

  #receive(text) {
    this.#text += text;
    const head = this.#text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#text)?.[1] ?? 0);
    if (this.#text.length < head + 4 + length) return;
    const request = this.#request;
    this.#request = undefined;
    const isServed = this.#text.startsWith('HTTP/1.1 200');
    const ms = performance.now() - this.#tryAt;
    if (isServed) {
      request.phase.latencies.push(ms);
      if (ms <= deadlineMs) request.phase.note(request, 'good');
    } else {
      if (request.tries === tries && ms <= deadlineMs) request.phase.rejected++;
      retry(request);
    }
    const seconds = obeys && !isServed ? Number(/retry-after: (\d+)/i.exec(this.#text)?.[1] ?? 0) : 0;
    if (!keepAlive) this.#socket.destroy();
    else if (seconds === 0) free.push(this);
    else setTimeout(() => free.push(this), seconds * 1_000);
  }
}

function remove(connection) {
  const at = free.indexOf(connection);
  if (at !== -1) free.splice(at, 1);
  new Connection();
}

function retry(request) {
  if (request.tries >= tries) return;
  setTimeout(() => {
    request.tries++;
    dispatch(request);
  }, pauseMs);
}

function dispatch(request) {
  if (!keepAlive) new Connection(request);
  else {
    const connection = free.pop();
    if (connection === undefined) request.phase.withoutConnection++;
    else connection.send(request);
  }
}

/** Sends for `seconds`. Requests that the timer sends late were due before: their time counts from then. */
async function drive({ rate, seconds }) {
  const phase = new Phase();
  const start = performance.now();
  for (let elapsed = 0; elapsed < seconds * 1_000; elapsed = performance.now() - start) {
    for (const due = (elapsed * rate) / 1_000; phase.sent < due; phase.sent++) {
      const sinceMs = (phase.sent * 1_000) / rate;
      const request = { phase, sinceMs, dueAt: start + sinceMs, tries: 1 };
      phase.note(request, 'due');
      if (phase.sent % 16 === 0) phase.lateMs.push(performance.now() - request.dueAt);
      dispatch(request);
    }
    await sleep(1);
  }
  return phase;
}

if (keepAlive) {
  for (let count = 0; count < connections; count++) new Connection();
  while (free.length < connections) await sleep(10);
}
// Connected is not accepted yet.
await sleep(300);
const before = process.cpuUsage();
const from = performance.now();
const results = [];
for (const phase of phases) results.push(await drive(phase));
const { user, system } = process.cpuUsage(before);
const share = (user + system) / 1_000 / (performance.now() - from);
await sleep(deadlineMs + 500);
process.send({ phases: results.map((phase) => ({ ...phase })), share }, () => process.exit());
