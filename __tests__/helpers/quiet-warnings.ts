/** Runs before each test file: keeps the warnings of this package out of the output. A test that needs them collects them. */
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;

process.emitWarning = (...args: unknown[]): void => {
  const [, options] = args;
  const code =
    typeof options === 'object' && options !== null && 'code' in options ? options.code : undefined;
  if (typeof code !== 'string' || !code.startsWith('WARN_SEMAPHORE_')) emitWarning(...args);
};
