import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Leaving, Script } from './script';

/** Longest that a connection may last, in milliseconds: the server ends a silent one much sooner. */
const PATIENCE_MS = 120_000;

/** Plays a script to its end; resolves when the connection is closed. */
export async function play(port: number, script: Script): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  // Resets and broken pipes are what this is about.
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve, reject) => {
    const patience = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(`never closed: ${JSON.stringify({ ...script, bytes: script.bytes.slice(0, 4_000) })}`),
      );
    }, PATIENCE_MS);
    socket.once('close', () => {
      clearTimeout(patience);
      resolve();
    });
  });
  read(socket, script);
  socket.once('connect', () => {
    void send(socket, script);
  });
  await closed;
}

function read(socket: Socket, { leaving, readPauseMs }: Script): void {
  let received = 0;
  socket.on('data', (data) => {
    const before = received;
    received += data.length;
    if (leaving?.side === 'received' && before < leaving.bytes && received >= leaving.bytes) {
      leave(socket, leaving.how);
    } else if (readPauseMs > 0) {
      socket.pause();
      setTimeout(() => socket.resume(), readPauseMs);
    }
  });
  socket.once('end', () => socket.end());
}

async function send(socket: Socket, { bytes, pieces, leaving }: Script): Promise<void> {
  const length = leaving?.side === 'sent' ? leaving.bytes : bytes.length;
  const step = Math.max(1, Math.ceil(length / pieces));
  for (let start = 0; start < length && socket.writable; start += step) {
    socket.write(bytes.slice(start, Math.min(length, start + step)), 'latin1');
    if (pieces > 1) await turn();
  }
  if (leaving?.side === 'sent') leave(socket, leaving.how);
}

function leave(socket: Socket, how: Leaving['how']): void {
  if (how === 'reset') socket.resetAndDestroy();
  else if (how === 'destroy') socket.destroy();
  else if (how === 'fin') socket.end();
}
