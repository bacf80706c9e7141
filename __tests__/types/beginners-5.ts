// Never run: that this compiles, without one annotation or cast, is the test. The types are those of Express 5.
/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-member-access -- as a beginner writes it */
import { createServer } from 'node:http';
import connect from 'connect';
import express from 'express';
import { chain, KeyedSemaphore, limit, limitHandler, Semaphore } from 'express-semaphore';
import type { KeyedLimitOptions, LimitOptions } from 'express-semaphore';

const semaphore = new Semaphore(2);
const keyed = new KeyedSemaphore(() => new Semaphore(2));

export function mounted(handler: express.RequestHandler): void {
  const app = express();
  app.use(limit(keyed, { key: (req) => req.ip }));
  app.use('/api', limit(keyed, { key: (req) => req.ip }));
  app.use('/api', limit(keyed, { key: (req) => req.get('x-user') }), handler);
  app.get('/x', limit(keyed, { key: (req) => req.ip ?? '' }), handler);
  app.get('/x', limit(keyed, { key: async (req) => Promise.resolve(req.ip) }), handler);
  app.get('/x', limit(chain(keyed, semaphore), { key: (req) => req.ip }), handler);
  app.get('/x', limit(semaphore, { weight: (req) => Number(req.headers['x-n']) }), (req, res) => {
    res.send(req.query);
  });
  app.get('/x/:id', limit(semaphore), (req, res) => {
    res.send(req.params.id.length);
  });
  app.get('/x/:id', limit(keyed, { key: (req) => req.user.id }), (req, res) => {
    res.send(req.params.id.length);
  });
  app.use(
    '/api',
    limit(semaphore, {
      skip: (req) => req.path === '/health',
      onRejected: (_req, res, _next, rejection) =>
        res.status(rejection.status).json({ code: rejection.code }),
      isOverload: (res) => res.statusCode === 503,
    }),
  );
  app.get(
    '/report',
    limitHandler(semaphore, async (_req, res) => Promise.resolve(res.json({ rows: 7 }))),
  );
  app.get(
    '/x/:id',
    limitHandler(semaphore, async (req, res) => {
      res.set('ETag', String(req.params.id)).type('text');
      if (req.query.old === undefined) res.sendStatus(404);
      else if (req.cookies.user === undefined) res.redirect('/login');
      else await Promise.resolve(res.cookie('seen', '1').json(req.body));
    }),
  );
  const passOn = limitHandler(
    keyed,
    (_req, _res, next) => {
      next();
    },
    { key: (req) => req.params.id },
  );
  app.post('/x/:id', passOn, (req, res) => res.send(req.params.id));
  app.route('/y').get(limitHandler(semaphore, (req, res) => res.send(req.query)));
  // @ts-expect-error -- no host adds it
  limitHandler(semaphore, (req) => req.nowhere);
  app.use(
    '/report',
    limitHandler(keyed, async (req, res) => Promise.resolve(res.send(req.path)), { key: (req) => req.ip }),
  );
  express.Router().use('/api', limit(keyed, { key: (req) => req.ip }));
}

export function shared(): void {
  const limited = limit.defaults<express.Request, express.Response>({
    rateLimitHeaders: true,
    onRejected: (req, res, _next, rejection) => res.status(rejection.status).send(`${req.path} is busy`),
  });
  express()
    .use('/api', limited(keyed, { key: (req) => req.get('x-user') ?? req.ip, maxWaitMs: 5 }))
    .get('/x', limited(semaphore), limit.defaults({ message: 'busy' })(semaphore, { maxWaitMs: 5 }));
  // @ts-expect-error -- which key?
  limited(keyed);
  // @ts-expect-error -- no such option
  limit.defaults({ maxWait: 5 });
}

export function given(options: LimitOptions, keyOptions: KeyedLimitOptions): void {
  express().use('/api', limit(semaphore, options), limit(keyed, keyOptions));
}

export function otherHosts(): void {
  connect().use('/a', limit(keyed, { key: (req) => String(req.headers.host) }));
  const limited = limit(semaphore, { weight: (req) => Number(req.headers['x-weight']) });
  createServer((req, res) => {
    limited(req, res, () => res.end());
  });
  // @ts-expect-error -- no host adds it
  limit(semaphore, { weight: (req) => req.nowhere });
}
