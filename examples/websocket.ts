// WebSockets with `ws`. An upgrade passes no middleware, so `limitUpgrade` limits it, for the life of the socket.
import { createServer } from 'node:http';
import { limitUpgrade, Semaphore } from 'express-semaphore';
import { WebSocketServer } from 'ws';
import { listen } from './listen.js';

const sockets = new Semaphore(2, { name: 'sockets', queueLimit: 0 });
const webSockets = new WebSocketServer({ noServer: true });

const server = createServer((_req, res) => {
  res.end(`${sockets.held} sockets are open`);
});

server.on(
  'upgrade',
  limitUpgrade(sockets, (req, socket, head) => {
    webSockets.handleUpgrade(req, socket, head, (webSocket) => {
      webSocket.on('error', () => {
        webSocket.terminate();
      });
      webSocket.on('message', (data, isBinary) => {
        webSocket.send(data, { binary: isBinary });
      });
    });
  }),
);

listen(server);
