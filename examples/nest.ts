// A NestJS module. `limit` is middleware, so it runs before all steps of NestJS. A method under `@withSemaphore` keeps
// its NestJS metadata: the access check works in any order of the decorators.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, HttpCode, Module, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext, MiddlewareConsumer } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { limit, Semaphore, withSemaphore } from 'express-semaphore';
import { listen } from './listen.js';

const api = new Semaphore(100, { name: 'api', queueLimit: 200 });
const reports = new Semaphore(2, { name: 'reports', queueLimit: 10 });

async function makeReport(): Promise<string> {
  await sleep(10);
  return `held: ${reports.held}`;
}

class AdminOnly implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return headers['x-role'] === 'admin';
  }
}

@Controller()
class ReportController {
  @Get('outside')
  @HttpCode(202)
  @withSemaphore(reports)
  @UseGuards(AdminOnly)
  outside(): Promise<string> {
    return makeReport();
  }

  @withSemaphore(reports)
  @Get('inside')
  @HttpCode(202)
  @UseGuards(AdminOnly)
  inside(): Promise<string> {
    return makeReport();
  }
}

@Module({ controllers: [ReportController], providers: [AdminOnly] })
class AppModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(limit(api)).forRoutes('*path');
  }
}

const app = await NestFactory.create<NestExpressApplication>(AppModule);
await app.init();
listen(app.getHttpServer());
