import { join } from 'node:path';
import ts from 'typescript';

/** Lines with one mistake each, and what the compiler has to say of it. */
const MISTAKES: readonly (readonly [line: string, named: RegExp])[] = [
  ['limit(semaphore, { maxWait: 5 });', /'maxWait' does not exist in type 'LimitOptions/],
  ["limit(semaphore, { maxWaitMs: '5' });", /^maxWaitMs: .*'string' is not assignable to type 'number'/s],
  ['limit(semaphore, { onRejected: 5 });', /^onRejected: .*'number' is not assignable/s],
  ['limit(semaphore, { handler: () => 5 });', /'handler' does not exist/],
  ['limit(keyed, { key: () => 5 });', /^(?:key|5): .*'number' is not assignable to type 'string/s],
  ['limit(keyed, { keys: () => "a" });', /'keys' does not exist/],
  ['limit(keyed, { key: () => "a", maxWait: 5 });', /'maxWait' does not exist/],
  ['app.use("/api", limit(keyed, { key: (req) => req.ip, maxWait: 5 }));', /'maxWait' does not exist/],
  [
    'app.use("/api", limit(keyed, { key: (req) => req.user?.name }));',
    /'name' does not exist on type '{ id: string; }'/,
  ],
  ['app.get("/", limitHandler(semaphore, (req) => req.user.id));', /possibly 'undefined'/],
  ['limitHandler(semaphore, () => 1, { maxWait: 5 });', /'maxWait' does not exist/],
  ['limit.defaults({ maxWait: 5 });', /'maxWait' does not exist/],
  ['new Semaphore(1, { queLimit: 5 });', /'queLimit' does not exist.*queueLimit/s],
];

const HEAD = `
import express from 'express';
import { KeyedSemaphore, limit, limitHandler, Semaphore } from 'express-semaphore';
import { createServer } from 'node:http';
declare global { namespace Express { interface Request { user?: { id: string }; login(): void } } }
const app = express();
const semaphore = new Semaphore(1);
const keyed = new KeyedSemaphore(() => semaphore);
const limited = limit(semaphore);
createServer((req, res) => limited(req, res, () => res.end()));
app.get('/:id', limit(keyed, { key: (req) => req.user?.id }), (req, res) => res.send(req.params.id));
`;

describe('the message of the compiler', () => {
  const root = join(__dirname, '..');
  const file = join(__dirname, 'mistakes.ts');
  const text = HEAD + MISTAKES.map(([line]) => line).join('\n');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const real = ts.createCompilerHost(options);
  host.fileExists = (path) => path === file || real.fileExists(path);
  host.getSourceFile = (path, ...rest) =>
    path === file
      ? ts.createSourceFile(path, text, ts.ScriptTarget.ES2022)
      : real.getSourceFile(path, ...rest);
  const program = ts.createProgram([file], options, host);
  const messages = new Map<string, string>();
  for (const { start = 0, length = 0, messageText } of program.getSemanticDiagnostics(
    program.getSourceFile(file),
  )) {
    const line = text.slice(0, start).split('\n').length - 1;
    const source = text.split('\n')[line] ?? '';
    messages.set(
      source,
      `${messages.get(source) ?? ''}${text.slice(start, start + length)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}\n`,
    );
  }

  it('has nothing to say of what an app adds to the requests of Express', () => {
    const mistakes = new Set(MISTAKES.map(([line]) => line));
    expect([...messages].filter(([line]) => !mistakes.has(line))).toEqual([]);
  });

  it.each(MISTAKES)('names or marks the option in %s', (line, named) => {
    expect(messages.get(line)).toMatch(named);
  });
});
