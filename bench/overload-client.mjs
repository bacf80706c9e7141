// Sends requests at a rate, however they fare: a process of its own, so that the server's trouble is not the client's.
import { connect } from 'node:net';

const { port, rate, seconds, deadlineMs } = JSON.parse(process.argv[2]);
const REQUEST = 'GET /work HTTP/1.1\r\nHost: bench\r\n\r\n';

const tally = { sent: 0, good: 0, refused: 0, late: 0, broken: 0, latencies: [] };
const free = [];
let underWay = 0;

/** One keep-alive connection with one request at a time; it is broken off when the request is late. */
class Connection {
  #socket = connect(port, '127.0.0.1');
  #since = 0;
  #timer;
  #text = '';

  constructor() {
    this.#socket.setNoDelay(true);
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => this.#receive(text));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#end('broken'));
  }

  send(since) {
    underWay++;
    this.#since = since;
    this.#text = '';
    this.#timer = setTimeout(
      () => {
        this.#end('late');
        this.#socket.destroy();
      },
      Math.max(0, since + deadlineMs - performance.now()),
    );
    this.#socket.write(REQUEST);
  }

  #receive(text) {
    this.#text += text;
    const head = this.#text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#text)?.[1] ?? 0);
    if (this.#text.length < head + 4 + length) return;
    const isGood = this.#text.startsWith('HTTP/1.1 200');
    if (isGood && this.#timer !== undefined) tally.latencies.push(performance.now() - this.#since);
    this.#end(isGood ? 'good' : 'refused');
    free.push(this);
  }

  #end(how) {
    if (this.#timer === undefined) {
      const place = how === 'broken' ? free.indexOf(this) : -1;
      if (place !== -1) free.splice(place, 1);
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    underWay--;
    tally[how]++;
  }
}

const start = performance.now();
const ticker = setInterval(() => {
  const elapsed = performance.now() - start;
  if (elapsed > seconds * 1_000) {
    if (underWay > 0 && elapsed < seconds * 1_000 + 2 * deadlineMs) return;
    clearInterval(ticker);
    process.send(tally, () => process.exit());
    return;
  }
  // Late ones of this tick are sent now but were due before: their latency counts from then.
  for (const due = (elapsed * rate) / 1_000; tally.sent < due; tally.sent++) {
    (free.pop() ?? new Connection()).send(start + (tally.sent * 1_000) / rate);
  }
}, 2);
