// A Prisma extension: each query of the client acquires a permit. `PrismaClient` is a local stand-in with the same
// `$extends`; in your app, import it from '@prisma/client'.
import { Semaphore } from 'express-semaphore';
import { PrismaClient } from './stand-ins/prisma.js';

const database = new Semaphore(2, { name: 'database', queueLimit: 50, maxWaitMs: 5_000 });

const prisma = new PrismaClient().$extends({
  query: {
    $allModels: {
      $allOperations: ({ args, query }) => database.run(() => query(args)),
    },
  },
});

const queries = Array.from({ length: 6 }, (_, id) => prisma.user.findUnique({ where: { id } }));
console.log(`${database.held} queries run, ${database.waiting} wait`);
const users = await Promise.all(queries);
console.log(users.map(({ name }) => name).join(', '));
