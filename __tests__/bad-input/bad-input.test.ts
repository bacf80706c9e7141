import { Redis } from 'ioredis';
import { compilerOptions, ROOT } from '../docs/program';
import { withRedis } from '../helpers/needs';
import { RedisServer } from '../helpers/redis-server';
import { collectWarnings } from '../helpers/warnings';
import { DASHBOARD_ROWS, METRICS_ROWS } from './entry-rows';
import { inputsOf } from './inputs';
import { MAIN_ROWS } from './main-rows';
import { redisRows } from './redis-rows';
import type { Row } from './row';
import { complaintsOf } from './try-row';

/** A client of the server that the Redis rows start. */
let client: Redis;
const REDIS_ROWS = redisRows(() => client);

beforeEach(() => {
  collectWarnings();
});

afterEach(() => {
  jest.restoreAllMocks();
});

const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype];
const before = PROTOTYPES.map(Reflect.ownKeys);

const LOCAL_ROWS = [...MAIN_ROWS, ...DASHBOARD_ROWS, ...METRICS_ROWS];

describe('without a server', () => {
  checkRows(LOCAL_ROWS);
});

withRedis.describe('with Redis', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
    client = new Redis(server.url);
  });

  afterAll(async () => {
    await client.quit();
    await server[Symbol.asyncDispose]();
  });

  checkRows(REDIS_ROWS);
});

function checkRows(rows: readonly Row[]): void {
  it.each(rows)('$title is plain data or a clear error, and leaves nothing behind', async (row) => {
    expect(await complaintsOf(row)).toEqual([]);
    expect(PROTOTYPES.map(Reflect.ownKeys)).toEqual(before);
  });

  it.each(rows.filter(({ name }) => name === 'options'))(
    '$title warns about an unknown option',
    async (row) => {
      const fresh = await freshRows();
      const warnings = collectWarnings();
      const trial = await fresh.find(({ title }) => title === row.title)?.start();
      void Promise.resolve(trial?.call({ unknwon: 1 })).catch(() => undefined);
      await trial?.end?.();
      expect(warnings).toEqual([
        expect.objectContaining({
          code: 'WARN_SEMAPHORE_UNKNOWN_OPTION',
          message: expect.stringContaining(' has no option "unknwon";') as string,
        }),
      ]);
    },
  );
}

/** The rows of freshly loaded modules: a warning that is emitted once a process needs these. */
async function freshRows(): Promise<readonly Row[]> {
  jest.resetModules();
  const main = await import('./main-rows');
  const entries = await import('./entry-rows');
  const redis = await import('./redis-rows');
  return [
    ...main.MAIN_ROWS,
    ...entries.DASHBOARD_ROWS,
    ...entries.METRICS_ROWS,
    ...redis.redisRows(() => client),
  ];
}

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
