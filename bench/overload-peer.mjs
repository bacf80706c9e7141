// The dependency of the server under overload: a process that answers each line after 20 ms, over a socket. Its answers come
// with the other input of the server's event loop, as those of a database do. A timer would fire in the same turn.
import { createServer } from 'node:net';

const DELAY_MS = 20;

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  // A chunk holds whole lines or parts of them; what matters is only how many lines end in it, and their order.
  socket.setEncoding('latin1').on('data', (text) => {
    const ends = text.split('\n').length - 1;
    if (ends > 0) setTimeout(() => socket.write('\n'.repeat(ends)), DELAY_MS);
  });
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.once('disconnect', () => process.exit());
