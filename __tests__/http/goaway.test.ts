import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { limitServer, Semaphore } from 'express-semaphore';

/** Sends many requests on one session. With `leaves`, it destroys the session while the first are being answered. */
async function session(port: number, leaves: boolean): Promise<void> {
  const client = connect(`http://127.0.0.1:${port}`);
  client.on('error', () => undefined);
  const closed: Promise<unknown>[] = [];
  for (let n = 0; n < 60; n++) {
    const stream = client.request({ ':path': '/' });
    stream.on('error', () => undefined).resume();
    closed.push(new Promise((resolve) => stream.once('close', resolve)));
  }
  if (leaves) {
    setTimeout(() => {
      client.destroy();
    }, 4);
  }
  await Promise.all(closed);
  client.destroy();
}

it('leaves no permit with a client that sends GOAWAY and leaves while its response is written', async () => {
  const semaphore = new Semaphore(3, { queueLimit: 5 });
  const server = createServer((_req, res) => {
    setTimeout(() => res.end('ok'), 3);
  });
  limitServer(server, semaphore, { maxWaitMs: 50 }).listen(0, '127.0.0.1');
  server.on('sessionError', () => undefined);
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (let n = 0; n < 10; n++) await session(port, n % 2 === 1);
  for (const until = Date.now() + 20_000; semaphore.held > 0 && Date.now() < until;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const left = [semaphore.held, semaphore.waiting];
  for (const socket of sockets) socket.destroy();
  server.close();
  expect(left).toEqual([0, 0]);
}, 60_000);
