// Serves one of the four apps, with a report that takes a second: `npx tsx migrating/serve.ts p-limit`.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import { listen } from '../listen.js';

const name = process.argv[2] ?? 'express-semaphore';
const { createApp } = (await import(`./${name}.ts`)) as {
  createApp: (makeReport: (user: string) => Promise<string>) => Express;
};
listen(createApp((user) => sleep(1_000, `the report of ${user}`)));
