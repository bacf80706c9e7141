// A custom server of Next.js, limited before Next.js sees a request. Static files need no permit. `next` is a local
// stand-in with the same shape; in your app, write `import next from 'next'`.
import { createServer } from 'node:http';
import { limitServer, Semaphore } from 'express-semaphore';
import { listen } from './listen.js';
import { next } from './stand-ins/next.js';

const app = next({ dev: false });
await app.prepare();
const handle = app.getRequestHandler();

const pages = new Semaphore(2, { name: 'pages', queueLimit: 4 });
const server = createServer((req, res) => void handle(req, res));
limitServer(server, pages, {
  maxWaitMs: 5_000,
  skip: (req) => req.url?.startsWith('/_next/static/') === true,
});
listen(server);
