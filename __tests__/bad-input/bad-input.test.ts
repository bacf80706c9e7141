import { Redis } from 'ioredis';
import { compilerOptions, ROOT } from '../docs/program';
import { RedisServer } from '../helpers/redis-server';
import { collectWarnings } from '../helpers/warnings';
import { DASHBOARD_ROWS, METRICS_ROWS } from './entry-rows';
import { inputsOf } from './inputs';
import { MAIN_ROWS } from './main-rows';
import { redisRows } from './redis-rows';
import { complaintsOf } from './try-row';

jest.setTimeout(30_000);

let server: RedisServer;
let client: Redis;
const REDIS_ROWS = redisRows(() => client);

beforeAll(async () => {
  server = await RedisServer.start();
  client = new Redis(server.url);
});

afterAll(async () => {
  await client.quit();
  await server[Symbol.asyncDispose]();
});

beforeEach(() => {
  collectWarnings();
});

afterEach(() => {
  jest.restoreAllMocks();
});

const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype];
const before = PROTOTYPES.map(Reflect.ownKeys);

it.each([...MAIN_ROWS, ...DASHBOARD_ROWS, ...METRICS_ROWS, ...REDIS_ROWS])(
  '$title is plain data or a clear error, and leaves nothing behind',
  async (row) => {
    expect(await complaintsOf(row)).toEqual([]);
    expect(PROTOTYPES.map(Reflect.ownKeys)).toEqual(before);
  },
);

it.each([
  { entry: 'index.ts', rows: MAIN_ROWS },
  { entry: 'dashboard/index.ts', rows: DASHBOARD_ROWS },
  { entry: 'metrics/prometheus.ts', rows: METRICS_ROWS },
  { entry: 'metrics/opentelemetry.ts', rows: METRICS_ROWS },
  { entry: 'redis/index.ts', rows: [...MAIN_ROWS, ...REDIS_ROWS] },
])('has a row for each function, method and option of $entry', ({ entry, rows }) => {
  const covered = new Set(rows.flatMap(({ covers }) => covers));
  const inputs = inputsOf(`${ROOT}/lib/${entry}`, compilerOptions());
  expect(inputs.length).toBeGreaterThan(2);
  expect(inputs.filter((input) => !covered.has(input))).toEqual([]);
});
