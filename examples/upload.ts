// Uploads. A permit is acquired before the body is read. A client that sends `Expect: 100-continue` sends its body
// only after admission, so a rejected upload costs no bandwidth.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import express from 'express';
import type { NextFunction, Request, Response } from 'express';
import { limit, Semaphore } from 'express-semaphore';
import { listen } from './listen.js';

const uploads = new Semaphore(2, { name: 'uploads', queueLimit: 0 });

function continueUpload(req: Request, res: Response, next: NextFunction): void {
  if (req.headers.expect === '100-continue') res.writeContinue();
  next();
}

const app = express();
app.post('/files', limit(uploads), continueUpload, async (req, res) => {
  const hash = createHash('sha256');
  await pipeline(req, hash);
  res.status(201).json({ sha256: hash.digest('hex') });
});
app.get('/health', (_req, res) => {
  res.json({ held: uploads.held });
});

const server = createServer(app);
server.on('checkContinue', app); // without this, Node.js sends `100 Continue` itself
server.requestTimeout = 60_000; // bounds the time that a slow upload holds its permit
listen(server);
