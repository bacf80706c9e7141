import type { Random } from '../../bench/sim/random';
import { FAULTS } from './fault-routes';

/** What one client does on one connection. */
export interface Script {
  /** What it sends, a byte a character. */
  readonly bytes: string;
  readonly exchanges: number;
  /** In how many pieces it sends that, one a turn of the event loop. */
  readonly pieces: number;
  /** Milliseconds that it lets pass after each piece that it reads. */
  readonly readPauseMs: number;
  /** When it leaves, and how; without it, it stays until the server closes. */
  readonly leaving: Leaving | undefined;
}

export interface Leaving {
  /** After so many bytes sent, or so many received. */
  readonly side: 'sent' | 'received';
  readonly bytes: number;
  readonly how: 'reset' | 'fin' | 'destroy' | 'silence';
}

const EXAMPLES = ['/users', '/orders', '/me', '/reports/7', '/events', '/stats', '/none', '/endless'];
const PATHS = [
  // More often than others, so that there are more at once than may be.
  ...Array.from({ length: 3 }, () => EXAMPLES).flat(),
  ...FAULTS.flatMap((fault) => [`/faults/${fault}`, `/auth/${fault}`]),
  ...['a', 'b', 'c', 'd', 'e'].map((key) => `/keyed/${key}`),
];
const UPLOADS = [
  '/orders',
  '/exports',
  '/faults/unread',
  '/faults/early',
  '/faults/echo',
  '/auth/echo',
  '/none',
];

export function randomScript(random: Random): Script {
  const exchanges = random.integer(1, 8);
  const requests = Array.from({ length: exchanges }, (_, index) =>
    randomRequest(random, index === exchanges - 1),
  );
  const bytes = requests.join('');
  return {
    bytes,
    exchanges,
    pieces: oneOf(random, [1, 1, random.integer(2, 40)]),
    readPauseMs: oneOf(random, [0, 0, random.integer(1, 10)]),
    leaving: randomLeaving(random, bytes.length),
  };
}

function randomLeaving(random: Random, length: number): Leaving | undefined {
  const how = oneOf(random, ['reset', 'fin', 'destroy', 'silence'] as const);
  return oneOf(random, [
    undefined,
    { side: 'sent', bytes: random.integer(0, length), how },
    {
      side: 'received',
      bytes: oneOf(random, [1, random.integer(1, 1_000), random.integer(1, 400_000)]),
      how,
    },
  ]);
}

function randomRequest(random: Random, isLast: boolean): string {
  const token = `x-api-token: ${oneOf(random, ['alice', 'bob'])}\r\n`;
  const close = isLast && random.next() < 0.5 ? 'Connection: close\r\n' : '';
  const head = `HTTP/1.1\r\nHost: test\r\n${token}${close}`;
  if (isLast && random.next() < 0.1) {
    return `GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst bytes`;
  }
  if (random.next() < 0.7) {
    const method = oneOf(random, ['GET', 'GET', 'GET', 'HEAD']);
    return `${method} ${oneOf(random, PATHS)} ${head}\r\n`;
  }
  const body = JSON.stringify({ item: 'x'.repeat(oneOf(random, [0, 100, 5_000, 200_000])) });
  const type = 'Content-Type: application/json\r\n';
  const path = oneOf(random, UPLOADS);
  if (random.next() < 0.3) {
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    return `POST ${path} ${head}${type}Transfer-Encoding: chunked\r\n\r\n${chunk}`;
  }
  return `POST ${path} ${head}${type}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.integer(0, items.length - 1)] as Item;
}
