// A reporter of Jest that prints failures, skipped tests by reason and the totals: a green run is a few lines.

/** What a whole run takes, coverage included, on two cores without other work. */
const WHOLE_RUN = 'about 6 minutes on two cores';
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
    for (const name of this.#missing) {
      this.#print(`Tests that need ${name} are skipped: it is not installed. On Debian: npm run setup`);
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
      const [, name] = REASON.exec(fullName) ?? [];
      const reason = name === undefined ? 'no reason given' : `they need ${name}`;
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    }
    if (process.stderr.isTTY) process.stderr.write('\r');
    for (const [reason, count] of skipped) this.#print(`${count} tests skipped: ${reason}`);
  }

  #print(text) {
    process.stderr.write(`${text}\n`);
  }
};
