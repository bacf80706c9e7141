// Skips the tests of a file after one that failed: a mutant that makes everybody wait for ever would take each test's
// whole time limit.
const StrykerEnvironment = require('@stryker-mutator/jest-runner/jest-env/node');

module.exports = class FirstFailureEnvironment extends StrykerEnvironment {
  #hasFailed = false;

  handleTestEvent({ name, test }) {
    if (name === 'test_done') this.#hasFailed ||= test.errors.length > 0;
    if (name === 'test_start' && this.#hasFailed) test.mode = 'skip';
  }
};
