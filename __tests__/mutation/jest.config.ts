/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';
import config from '../../jest.config';

/** What mutants are run against: the fast tests of the folders that are mutated. */
const mutation: Config = {
  ...config,
  rootDir: '../..',
  testEnvironment: '@stryker-mutator/jest-runner/jest-env/node',
  testMatch: ['**/__tests__/{core,queue,keyed,http,models}/**/*.test.ts'],
  // A million keys take too long under instrumentation.
  testPathIgnorePatterns: ['/node_modules/', 'keyed/residue'],
  collectCoverage: false,
};

export default mutation;
