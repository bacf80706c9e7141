// Sends requests at a rate, whatever becomes of them, from a process of its own, so that load on the server does not slow
// the client. It connects before the measurement and keeps its connections, as a proxy does: Node accepts one connection in
// a turn of its loop, so with new ones the queue of the kernel would protect the server.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const { port, connections, warmUp, load, deadlineMs } = JSON.parse(process.argv[2]);
const REQUEST = 'GET /work HTTP/1.1\r\nHost: bench\r\n\r\n';

const free = [];
let counts;

/** One keep-alive connection with one request at a time; an answer after the deadline is one to nobody. */
class Connection {
  #socket = connect(port, '127.0.0.1');
  #since = 0;
  #counts;
  #text = '';

  constructor() {
    this.#socket.setNoDelay(true);
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => this.#receive(text));
    this.#socket.on('error', () => undefined);
    this.#socket.on('connect', () => free.push(this));
  }

  send(since) {
    this.#since = since;
    this.#counts = counts;
    this.#text = '';
    this.#socket.write(REQUEST);
  }

  #receive(text) {
    this.#text += text;
    const head = this.#text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#text)?.[1] ?? 0);
    if (this.#text.length < head + 4 + length) return;
    const latency = performance.now() - this.#since;
    if (latency <= deadlineMs) {
      if (this.#text.startsWith('HTTP/1.1 200')) this.#counts.latencies.push(latency);
      else this.#counts.rejected++;
    }
    free.push(this);
  }
}

/** Sends for `seconds`. A request counts as late unless it was served or rejected in time. */
async function drive({ rate, seconds }) {
  counts = { sent: 0, rejected: 0, latencies: [] };
  const start = performance.now();
  for (let elapsed = 0; elapsed < seconds * 1_000; elapsed = performance.now() - start) {
    // Late ones of this tick are sent now but were due before: their latency counts from then.
    for (const due = (elapsed * rate) / 1_000; counts.sent < due; counts.sent++) {
      free.pop()?.send(start + (counts.sent * 1_000) / rate);
    }
    await sleep(2);
  }
  await sleep(deadlineMs);
  return counts;
}

for (let count = 0; count < connections; count++) new Connection();
while (free.length < connections) await sleep(10);
// Connected is not accepted yet.
await sleep(500);
await drive(warmUp);
process.send(await drive(load), () => process.exit());
