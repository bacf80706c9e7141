// The server under overload: 1 ms of processor time and a call of a dependency for each request, behind what the command
// line names.
import { createServer } from 'node:http';
import { connect } from 'node:net';
import timers from 'node:timers';
import underPressure from '@fastify/under-pressure';
import express from 'express';
import expressQueue from 'express-queue';
import Fastify from 'fastify';
import { limit, limitServer, Semaphore } from 'express-semaphore';
import { AdaptiveSemaphore } from 'express-semaphore/adaptive';
import overloadProtection from 'overload-protection';
import toobusy from 'toobusy-js';

const [subject, permitsText, peerPort] = process.argv.slice(2);
const permits = Number(permitsText);
const BODY = JSON.stringify({ title: 'Service Unavailable', status: 503, detail: 'the queue is full' });
const BARE_503 = [
  ['Retry-After', '1'],
  ['Cache-Control', 'no-store'],
  ['Content-Type', 'application/problem+json'],
  ['Content-Length', String(BODY.length)],
].flat();

/** Each makes an HTTP server. */
const servers = {
  none: () => inside(),
  'limit inside Express, maxWaitMs 100': () => inside(limit(new Semaphore(permits), { maxWaitMs: 100 })),
  'the same, waiters start in one turn': () => {
    // What `limit` did before it gave each waiter a turn of its own.
    timers.setImmediate = (start) => process.nextTick(start);
    return servers['limit inside Express, maxWaitMs 100']();
  },
  'limitServer, maxWaitMs 30': () => inFront(new Semaphore(permits), { maxWaitMs: 30 }),
  'limitServer, lifo, short queue': () =>
    inFront(new Semaphore(permits, { order: 'lifo', queueLimit: permits }), { maxWaitMs: 100 }),
  'limitServer, holdBack, maxWaitMs 30': () =>
    inFront(new Semaphore(permits), { maxWaitMs: 30, holdBack: true }),
  'limitServer, adaptive, maxWaitMs 30': () => inFront(new AdaptiveSemaphore(), { maxWaitMs: 30 }),
  'toobusy-js': () =>
    inside((_req, res, next) => {
      if (toobusy()) res.status(503).send('busy');
      else next();
    }),
  'overload-protection': () => inside(overloadProtection('express')),
  '@fastify/under-pressure': async () => {
    const app = Fastify();
    await app.register(underPressure, { maxEventLoopDelay: 100 });
    app.get('/work', (_req, reply) => {
      work(() => reply.send('done'));
      return reply;
    });
    await app.ready();
    return app.server;
  },
  'express-queue': () => inside(expressQueue({ activeLimit: permits, queuedLimit: 4 * permits })),
  'a counter': () => {
    let running = 0;
    return inside((_req, res, next) => {
      if (running >= permits) {
        res.status(503).send('busy');
        return;
      }
      running++;
      res.once('close', () => running--);
      next();
    });
  },
  // The last four answer and do nothing else: they show what an answer costs.
  'limitServer, full': () => inFront(full()),
  'limit inside Express, full': () => inside(limit(full())),
  'a 404 of Express': () => inside(),
  'a bare 503': () => createServer((_req, res) => res.writeHead(503, BARE_503).end(BODY)),
};

const waiting = [];
const peer = connect(Number(peerPort), '127.0.0.1').setNoDelay(true).setEncoding('latin1');
peer.on('data', (lines) => {
  for (let count = lines.length; count > 0; count--) waiting.shift()();
});

process.once('disconnect', () => process.exit());
process.on('message', () => process.send({ cpu: process.cpuUsage() }));
const server = await servers[subject]();
server.listen(0, '127.0.0.1', 4_096, () => process.send({ port: server.address().port }));

function inside(...middleware) {
  const app = express();
  for (const each of middleware) app.use(each);
  app.get('/work', (_req, res) => work(() => res.send('done')));
  return createServer(app);
}

/** A limiter that rejects every request. */
function full() {
  const semaphore = new Semaphore(1, { queueLimit: 0 });
  semaphore.tryAcquire();
  return semaphore;
}

function inFront(limiter, options) {
  return limitServer(inside(), limiter, options);
}

function work(done) {
  const end = performance.now() + 1;
  while (performance.now() < end);
  waiting.push(done);
  peer.write('\n');
}
