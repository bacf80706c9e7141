// Prints, as JSON, how each host answers a rejection that `onRejected` passes to its `next`, and whether the process lived.
import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import middie from '@fastify/middie';
import { Controller, Get, Module } from '@nestjs/common';
import type { MiddlewareConsumer } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import connect from 'connect';
import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import Koa from 'koa';
import koaConnect from 'koa-connect';
import polka from 'polka';
import { limit, Semaphore } from 'express-semaphore';
import type { Middleware } from 'express-semaphore';
import { NEWER_HOSTS_RUN } from './hosts.js';

const full = new Semaphore(1, { queueLimit: 0 });
full.tryAcquire();

const starts: Record<string, () => Server | Promise<Server>> = {
  'Express 5': () => express().set('env', 'test').use(rejectAll()).listen(0, '127.0.0.1'),
  'Express 4': () => express4().set('env', 'test').use(rejectAll()).listen(0, '127.0.0.1'),
  Connect: () => connect().use(rejectAll()).listen(0, '127.0.0.1'),
  Polka: () => {
    const server = createServer();
    polka({ server }).use(rejectAll()).listen(0, '127.0.0.1');
    return server;
  },
  NestJS: async () => {
    @Controller()
    class WorkController {
      @Get('*path')
      find(): string {
        return 'served';
      }
    }
    @Module({ controllers: [WorkController] })
    class AppModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(rejectAll()).forRoutes('*path');
      }
    }
    const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    return app.getHttpServer();
  },
  Fastify: async () => {
    const app = fastify();
    await app.register(middie);
    app.use(rejectAll());
    app.get('*', () => 'served');
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server;
  },
  Koa: () => {
    const app = new Koa();
    app.silent = true;
    return app.use(koaConnect(rejectAll())).listen(0, '127.0.0.1');
  },
  ...(NEWER_HOSTS_RUN && {
    Restify: async () => {
      const { createRestify } = await import('./newer-node/create-restify.js');
      const app = createRestify();
      app.pre(rejectAll());
      app.get('*', (_req, res, next) => {
        res.send('served');
        next();
      });
      app.listen(0, '127.0.0.1');
      return app.server;
    },
  }),
};

/** The option `statusCode`, if any. */
const statusCode = process.argv[2] === undefined ? undefined : Number(process.argv[2]);

/** Passes every rejection on. Nobody gets a permit. */
function rejectAll(): Middleware {
  return limit(full, {
    statusCode,
    onRejected: (_req, _res, next, rejection) => {
      next(rejection);
    },
  });
}

/** The second answer of each host: it also shows that the first one did not end the process. */
async function answerOf(start: () => Server | Promise<Server>): Promise<unknown> {
  const server = await start();
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await fetch(`http://127.0.0.1:${port}/path`);
  const { status, headers } = await fetch(`http://127.0.0.1:${port}/path`);
  return { status, retryAfter: headers.get('retry-after') };
}

async function main(): Promise<void> {
  const answers: Record<string, unknown> = {};
  for (const [name, start] of Object.entries(starts)) answers[name] = await answerOf(start);
  console.log(JSON.stringify(answers));
  process.exit();
}

void main();
