/** @jest-config-loader esbuild-register */
import path from 'node:path';
import type { Config } from 'jest';
import config from '../../jest.config';

// Names of tests tell the seed, and Stryker knows a test by its name. Few steps, since they are taken for each mutant.
process.env['SEED'] ??= '1';
process.env['STEPS'] ??= '3000';

/** What mutants are run against: the tests of the folders that are mutated, the models, and the table of bad input. */
const mutation: Config = {
  ...config,
  rootDir: '../..',
  roots: ['<rootDir>/lib', '<rootDir>/__tests__'],
  runner: '<rootDir>/__tests__/mutation/first-failure-runner.cjs',
  // Stryker, too, loads it, and knows no rootDir.
  testEnvironment: path.join(__dirname, 'first-failure-environment.cjs'),
  testMatch: ['**/__tests__/{bad-input,core,queue,keyed,http,models}/**/*.test.ts'],
  collectCoverage: false,
  testTimeout: 5_000,
};

export default mutation;
