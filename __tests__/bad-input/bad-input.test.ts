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
let unknownOptions = 0;

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
      // Each unknown option is told once a process.
      const unknown = `unknwon${++unknownOptions}`;
      const warnings = collectWarnings();
      const trial = await row.start();
      void Promise.resolve(trial.call({ [unknown]: 1 })).catch(() => undefined);
      await trial.end?.();
      expect(warnings).toEqual([
        expect.objectContaining({
          code: 'WARN_SEMAPHORE_UNKNOWN_OPTION',
          message: expect.stringContaining(` has no option "${unknown}";`) as string,
        }),
      ]);
    },
  );
}

describe('the rows', () => {
  const entries = [
    { entry: 'index.ts', rows: MAIN_ROWS },
    { entry: 'dashboard/index.ts', rows: DASHBOARD_ROWS },
    { entry: 'metrics/prometheus.ts', rows: METRICS_ROWS },
    { entry: 'metrics/opentelemetry.ts', rows: METRICS_ROWS },
    { entry: 'redis/index.ts', rows: [...MAIN_ROWS, ...REDIS_ROWS] },
  ];
  const files = entries.map(({ entry }) => `${ROOT}/lib/${entry}`);
  const inputs = inputsOf(files, compilerOptions());

  it.each(entries.map((each, index) => ({ ...each, inputs: inputs[index] ?? [] })))(
    'cover each function, method and option of $entry',
    ({ rows, inputs }) => {
      const covered = new Set(rows.flatMap(({ covers }) => covers));
      expect(inputs.length).toBeGreaterThan(2);
      expect(inputs.filter((input) => !covered.has(input))).toEqual([]);
    },
  );
});
