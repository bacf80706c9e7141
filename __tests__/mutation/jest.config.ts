/** @jest-config-loader esbuild-register */
import path from 'node:path';
import type { Config } from 'jest';
import config from '../../jest.config';

// Titles of tests contain the seed, and Stryker knows a test by its title. Each mutant takes these steps, so they are few.
process.env['SEED'] ??= '1';
process.env['STEPS'] ??= '3000';

/** The tests that run against each mutant: those of the mutated folders, the models and the table of bad input. */
const mutation: Config = {
  ...config,
  rootDir: '../..',
  roots: ['<rootDir>/lib', '<rootDir>/__tests__'],
  runner: '<rootDir>/__tests__/mutation/first-failure-runner.cjs',
  // An absolute path: Stryker loads it, too, and knows no rootDir.
  testEnvironment: path.join(__dirname, 'first-failure-environment.cjs'),
  testMatch: [
    '**/__tests__/{adaptive,bad-input,core,dashboard,http,internal,keyed,metrics,models,orders,redis}/**/*.test.ts',
    '**/__tests__/*.test.ts',
  ],
  // A mutant of the server cannot show in a browser what the other tests do not see; a browser takes minutes.
  testPathIgnorePatterns: ['/node_modules/', 'dashboard/(browser|playground)', 'redis/cluster', 'words'],
  reporters: ['default'],
  collectCoverage: false,
  testTimeout: 5_000,
};

export default mutation;
