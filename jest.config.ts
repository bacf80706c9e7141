/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';
import { findMissing } from './__tests__/helpers/requirements';

const missing = findMissing();

const config: Config = {
  testEnvironment: 'node',
  // Jest leaves one core idle by default. Many files wait for a lease, a time limit or another process most of the time.
  maxWorkers: '100%',
  testMatch: ['**/__tests__/**/*.test.ts'],
  setupFiles: ['<rootDir>/__tests__/helpers/quiet-warnings.ts'],
  // Long enough for a test that starts processes on a busy machine.
  testTimeout: 180_000,
  // Stryker tests mutants in copies of the work tree.
  modulePathIgnorePatterns: ['<rootDir>/reports/'],
  testPathIgnorePatterns: ['/node_modules/'],
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/__tests__/tsconfig.json' }] },
  moduleNameMapper: {
    '^express-semaphore$': '<rootDir>/lib/index.ts',
    '^express-semaphore/(adaptive|dashboard|redis|testing)$': '<rootDir>/lib/$1/index.ts',
    '^express-semaphore/(prometheus|opentelemetry)$': '<rootDir>/lib/metrics/$1.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  reporters: [['<rootDir>/__tests__/helpers/quiet-reporter.cjs', { missing }], 'summary'],
  collectCoverage: true,
  // The page runs in a browser, where Jest does not measure.
  collectCoverageFrom: ['lib/**/*.ts', '!lib/dashboard/page/**'],
  // One table for all files: `npm test -- --coverageReporters=text`.
  coverageReporters: ['text-summary', 'lcov'],
  // Skipped tests cover nothing.
  ...(missing.length === 0 && {
    coverageThreshold: { global: { lines: 97, branches: 95, functions: 97, statements: 97 } },
  }),
};

export default config;
