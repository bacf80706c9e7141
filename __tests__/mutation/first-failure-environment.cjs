// Skips the tests of a file after one that failed. Otherwise a mutant that blocks every waiter would take the whole time
// limit of each test.
const StrykerEnvironment = require('@stryker-mutator/jest-runner/jest-env/node');

module.exports = class FirstFailureEnvironment extends StrykerEnvironment {
  #hasFailed = false;

  handleTestEvent({ name, test }) {
    if (name === 'test_done') this.#hasFailed ||= test.errors.length > 0;
    if (name === 'test_start' && this.#hasFailed) test.mode = 'skip';
  }
};
