/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  testMatch: ['**/__tests__/**/*.test.ts'],
  // For those that start processes, on a machine that has much else to do; who hangs is told so all the same.
  testTimeout: 60_000,
  // Mutants are tested in copies of all this.
  modulePathIgnorePatterns: ['<rootDir>/reports/'],
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/__tests__/tsconfig.json' }] },
  moduleNameMapper: {
    '^express-semaphore$': '<rootDir>/lib/index.ts',
    '^express-semaphore/(adaptive|dashboard|redis)$': '<rootDir>/lib/$1/index.ts',
    '^express-semaphore/(prometheus|opentelemetry)$': '<rootDir>/lib/metrics/$1.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  collectCoverage: true,
  // The page runs in a browser, out of sight of this.
  collectCoverageFrom: ['lib/**/*.ts', '!lib/dashboard/page/**'],
  coverageReporters: ['text', 'lcov'],
  coverageThreshold: { global: { lines: 97, branches: 95, functions: 97, statements: 97 } },
};

export default config;
