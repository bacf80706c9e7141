// Runs the test files that have a wanted test, and none after a failure. Stryker switches `bail` off and gives only titles
// of tests, so Jest alone would load every file for every mutant.
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { default: TestRunner } = require('jest-runner');

module.exports = class FirstFailureRunner extends TestRunner {
  #hasFailed = false;
  /** For each file that has run: its path, the titles of its tests, its run time in milliseconds. */
  #known = [];

  constructor(globalConfig, context) {
    super(globalConfig, context);
    this.on('test-file-success', ([{ path: file }, { testResults, numFailingTests, perfStats }]) => {
      this.#hasFailed ||= numFailingTests > 0;
      this.#known.push({ file, names: testResults.map(({ fullName }) => fullName), ms: perfStats.runtime });
    });
    this.on('test-file-failure', () => {
      this.#hasFailed = true;
    });
  }

  async runTests(tests, watcher, options) {
    const { rootDir, testNamePattern } = this._globalConfig;
    const record = path.join(rootDir, 'reports/tests-by-file.json');
    const isMutated = process.env.__STRYKER_ACTIVE_MUTANT__ !== undefined;
    const chosen = isMutated
      ? choose(tests, JSON.parse(readFileSync(record, 'utf8')), testNamePattern)
      : tests;
    for (const test of chosen) {
      await super.runTests([test], watcher, options);
      if (isMutated && this.#hasFailed) return;
    }
    if (isMutated) return;
    mkdirSync(path.dirname(record), { recursive: true });
    writeFileSync(record, JSON.stringify(this.#known));
  }
};

/** The files with such tests, first those that have many for the time they take: there the failure is most likely soon. */
function choose(tests, known, testNamePattern) {
  const pattern = new RegExp(testNamePattern ?? '', 'i');
  const costs = new Map(
    known.map(({ file, names, ms }) => [file, ms / names.filter((name) => pattern.test(name)).length]),
  );
  const costOf = ({ path: file }) => costs.get(file) ?? 0;
  return tests.filter((test) => costOf(test) < Infinity).sort((a, b) => costOf(a) - costOf(b));
}
