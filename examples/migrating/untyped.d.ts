// express-queue has no types of its own.
declare module 'express-queue' {
  import type { RequestHandler } from 'express';

  export default function queue(options: { activeLimit: number; queuedLimit: number }): RequestHandler;
}
