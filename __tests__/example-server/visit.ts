import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Random } from '../../bench/sim/random';
import { turn } from '../helpers/watch';

/** Plans and makes the visits of the test of resets: what one client does with one connection. */
export interface Visit {
  /** The pipelined requests, as bytes. */
  readonly requests: readonly string[];
  /** When the client resets the connection. `undefined` if it waits for every answer. */
  readonly reset: Reset | undefined;
}

interface Reset {
  /** Share of the bytes that are sent before the reset. */
  readonly share: number;
  /** Whether the client waits for the first bytes of an answer. */
  readonly answered: boolean;
  /** Turns of the event loop after that. */
  readonly turns: number;
}

/** Plans visits with so many requests in total. About two fifths of the visits end with a reset. */
export function planVisits(random: Random, requests: number): Visit[] {
  const visits: Visit[] = [];
  for (let planned = 0; planned < requests;) {
    const isReset = random.next() < 0.4;
    const count = Math.min(requests - planned, random.next() < 0.5 ? 1 : random.integer(2, 5));
    visits.push({
      requests: Array.from({ length: count }, (_, index) => {
        const isLast = index === count - 1;
        // An answer without an end can only be the last.
        const kinds = isLast ? [...KINDS, () => head('GET /events')] : KINDS;
        const [kind] = random.pick(kinds);
        const request = kind?.(random) ?? '';
        return isLast && !isReset ? request.replace('\r\n', '\r\nConnection: close\r\n') : request;
      }),
      reset: isReset ? planReset(random) : undefined,
    });
    planned += count;
  }
  return visits;
}

function planReset(random: Random): Reset {
  const share = random.next() < 0.2 ? random.next() : 1;
  return { share, answered: share === 1 && random.next() < 0.3, turns: random.integer(0, 60) };
}

const KINDS: readonly ((random: Random) => string)[] = [
  () => head('GET /users'),
  () => head('GET /orders'),
  () => head('HEAD /orders'),
  () => head('GET /reports/7'),
  () => head('GET /'),
  (random) => head('GET /me', `x-api-token: user-${random.integer(1, 2)}`),
  (random) => post('/orders', JSON.stringify({ item: 'tea'.repeat(random.integer(1, 10_000)) })),
  () => post('/exports', ''),
];

function post(path: string, body: string): string {
  return head(`POST ${path}`, 'Content-Type: application/json', `Content-Length: ${body.length}`) + body;
}

function head(what: string, ...headers: string[]): string {
  return [`${what} HTTP/1.1`, 'Host: test', ...headers, '', ''].join('\r\n');
}

/** Makes a visit. Resolves with the statuses of the answers when the connection has ended. */
export async function pay(port: number, { requests, reset }: Visit): Promise<string[]> {
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  // A server may close an upload that it has rejected. The test counts answers only.
  socket.on('error', () => undefined);
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
    // The client closes a stream without an end.
    if (reset === undefined && received.includes('\ndata: ')) socket.destroy();
  });
  await once(socket, 'connect');

  const bytes = requests.join('');
  if (reset === undefined) socket.write(bytes);
  else await sendAndReset(socket, bytes, reset);
  await closed;
  return Array.from(received.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => status ?? '');
}

async function sendAndReset(socket: Socket, bytes: string, reset: Reset): Promise<void> {
  socket.write(bytes.slice(0, Math.floor(bytes.length * reset.share)));
  if (reset.answered) await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
  for (let turns = 0; turns < reset.turns; turns++) await turn();
  socket.resetAndDestroy();
}
