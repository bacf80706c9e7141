import 'reflect-metadata';
import type { Server } from 'node:http';
import { Controller, Get, Module, Req } from '@nestjs/common';
import type { MiddlewareConsumer } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { limit } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';

export async function start(
  limiter: Limiter,
  work: (url: string) => Promise<string>,
  port: number,
): Promise<Server> {
  @Controller()
  class WorkController {
    @Get('*path')
    find(@Req() req: { url: string }): Promise<string> {
      return work(req.url);
    }
  }

  @Module({ controllers: [WorkController] })
  class AppModule {
    configure(consumer: MiddlewareConsumer): void {
      consumer.apply(limit(limiter)).forRoutes('*path');
    }
  }

  const app = await NestFactory.create<NestExpressApplication>(AppModule);
  await app.listen(port, '127.0.0.1');
  return app.getHttpServer();
}
