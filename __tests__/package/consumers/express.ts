// A consumer with Express and its types: nothing here needs a cast.
import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clientKey, KeyedSemaphore, limit, limitHandler, permitOf, Semaphore } from 'express-semaphore';
import type { Middleware } from 'express-semaphore';
import express from 'express';
import type { Request, RequestHandler, Response } from 'express';

const semaphore = new Semaphore(2);
const perUser = new KeyedSemaphore(() => new Semaphore(1));
const wholeApp: RequestHandler = limit(semaphore);
const ofOneUser: Middleware<Request, Response> = limit(perUser, {
  key: (req: Request) => req.get('x-api-token') ?? 'nobody',
  onRejected: (_req, res: Response, _next, rejection) => res.status(rejection.status).json(rejection.code),
});

const app = express();
app.use(wholeApp);
app.use(limit(perUser, { key: clientKey() }));
app.get('/permit', ofOneUser, (_req, res) => {
  res.json({ weight: permitOf(res, perUser)?.weight });
});
app.get(
  '/user/:id',
  limitHandler(perUser, async (req: Request, res: Response) => res.json(await Promise.resolve(req.params)), {
    key: (req: Request) => req.get('x-api-token'),
  }),
);

async function main(): Promise<void> {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const bodies = [await read(port, '/permit'), await read(port, '/user/alice')];
  server.close();
  await semaphore.idle();
  console.log(bodies.join());
}

async function read(port: number, path: string): Promise<string> {
  const request = get({ port, path, host: '127.0.0.1', agent: false, headers: { 'x-api-token': 'alice' } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

void main();
