// A reporter of Jest that prints failures, skipped tests by reason and the totals: a green run is a few lines.

/** What a whole run takes on two quiet cores. */
const WHOLE_RUN = 'about 5 minutes on two cores';
const REASON = /\bneeds ([\w-]+): /;

module.exports = class QuietReporter {
  #globalConfig;
  #missing;
  #done = 0;

  /** `missing` names the system commands that are not installed. */
  constructor(globalConfig, { missing = [] } = {}) {
    this.#globalConfig = globalConfig;
    this.#missing = missing;
  }

  onRunStart({ numTotalTestSuites }) {
    const isWhole = this.#globalConfig.testPathPatterns.patterns.length === 0;
    this.#print(`${numTotalTestSuites} test files${isWhole ? `, ${WHOLE_RUN}` : ''}`);
    for (const command of this.#missing) {
      this.#print(
        `${command} is not installed: tests that need it are skipped. Get it: npm run setup (Debian)`,
      );
    }
  }

  onTestFileResult({ path }, { failureMessage, console }, { numTotalTestSuites }) {
    this.#done++;
    if (failureMessage) {
      this.#print(`FAIL ${path}\n${failureMessage}`);
      for (const { message } of console ?? []) this.#print(message);
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${this.#done}/${numTotalTestSuites} test files`);
  }

  onRunComplete(_, { testResults }) {
    const skipped = new Map();
    const all = testResults.flatMap((file) => file.testResults);
    for (const { status, fullName } of all) {
      if (status !== 'pending') continue;
      const [, command] = REASON.exec(fullName) ?? [];
      const reason = command === undefined ? 'no reason given' : `${command} is not installed`;
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    }
    if (process.stderr.isTTY) process.stderr.write('\r');
    for (const [reason, count] of skipped) this.#print(`${count} tests skipped: ${reason}`);
  }

  #print(text) {
    process.stderr.write(`${text}\n`);
  }
};
