// GraphQL: one request may ask for many fields. So the limit is on the costly field, not on the request.
import express from 'express';
import { buildSchema, graphql } from 'graphql';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSemaphoreError, Semaphore, withSemaphore } from 'express-semaphore';
import { listen } from './listen.js';

const reports = new Semaphore(2, { name: 'reports', queueLimit: 3 });
let most = 0;

const schema = buildSchema(`
  type Query {
    hello: String
    report(id: Int!): String
  }
`);

const report = withSemaphore(reports)(async ({ id }: { id: number }) => {
  most = Math.max(most, reports.held);
  await sleep(50);
  return `report ${id}`;
});
const rootValue = { hello: () => 'world', report };

const app = express();
app.post('/graphql', express.text({ type: 'application/graphql' }), async (req, res) => {
  const { data, errors = [] } = await graphql({ schema, rootValue, source: String(req.body) });
  const isBusy = errors.some(({ originalError }) => isSemaphoreError(originalError));
  res.status(isBusy ? 503 : 200).json({ data, errors: errors.map(({ message }) => message) });
});
app.get('/stats', (_req, res) => {
  res.json({ most, held: reports.held });
});

listen(app);
