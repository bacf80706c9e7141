// WebSockets with `ws`. An upgrade passes no middleware, so it acquires its own permit, for the life of the socket.
import { createServer } from 'node:http';
import { Semaphore } from 'express-semaphore';
import { WebSocketServer } from 'ws';

const sockets = new Semaphore(2, { name: 'sockets' });
const webSockets = new WebSocketServer({ noServer: true });
const REJECTION = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n';

const server = createServer((_req, res) => {
  res.end(`${sockets.held} sockets are open`);
});

server.on('upgrade', (req, socket, head) => {
  // First of all: a client that resets its connection must not end the process.
  socket.on('error', () => {
    socket.destroy();
  });
  // tryAcquire throws after close().
  const permit = sockets.closed ? undefined : sockets.tryAcquire();
  if (permit === undefined) {
    socket.once('finish', () => {
      socket.destroy();
    });
    socket.end(REJECTION);
    return;
  }
  socket.once('close', () => {
    permit.release();
  });
  webSockets.handleUpgrade(req, socket, head, (webSocket) => {
    webSocket.on('error', () => {
      webSocket.terminate();
    });
    webSocket.on('message', (data, isBinary) => {
      webSocket.send(data, { binary: isBinary });
    });
  });
});

server.listen(Number(process.env.PORT ?? 3000));
