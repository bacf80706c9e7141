import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { withRedis } from '../helpers/needs';
import { RedisServer } from '../helpers/redis-server';
import type { Program } from './markdown';
import { compilerOptions, ROOT, run, typeCheck, usesRedis } from './program';

/** What a user can import, at the entries that the API reference is made of. */
interface ExportedName {
  /** The file and the name, as a report shows them. */
  readonly place: string;
  readonly summary: string;
  readonly examples: readonly Program[];
}

const { entryPoints } = JSON.parse(readFileSync(join(ROOT, 'typedoc.json'), 'utf8')) as {
  entryPoints: string[];
};
const names = exportedNames();
const programs = [
  ...new Map(names.flatMap(({ examples }) => examples).map((one) => [one.name, one])).values(),
];

it('looks at every entry of the package', () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: object };
  expect(entryPoints).toHaveLength(Object.keys(exports).length - 1);
});

it('says of every exported name what it is', () => {
  expect(names.filter(({ summary }) => summary === '').map(({ place }) => place)).toEqual([]);
});

describe('an example of the API reference', () => {
  it('compiles as it stands, under strict', () => {
    expect(typeCheck(programs)).toEqual([]);
  });

  it.each(programs.filter((program) => !usesRedis(program)))('runs to its end: $name', async (program) => {
    await run(program);
  });
});

withRedis.describe('an example of the API reference with Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
  });

  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  it.each(programs.filter(usesRedis))('runs to its end: $name', async (program) => {
    await run(program, { REDIS_URL: redis.url });
  });
});

function exportedNames(): ExportedName[] {
  const program = ts.createProgram(
    entryPoints.map((path) => join(ROOT, path)),
    compilerOptions(),
  );
  const checker = program.getTypeChecker();
  return entryPoints.flatMap((path) => {
    const source = program.getSourceFile(join(ROOT, path));
    const module = source && checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${path} is no module`);
    return checker.getExportsOfModule(module).map((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      return read(symbol, checker);
    });
  });
}

function read(symbol: ts.Symbol, checker: ts.TypeChecker): ExportedName {
  const file = symbol.declarations?.[0]?.getSourceFile().fileName ?? '';
  const place = `${relative(ROOT, file)}:${symbol.name}`;
  // Its text, and not its tags: a decorator at the start of a line would be one of those.
  const comments = (symbol.declarations ?? []).flatMap(ts.getJSDocCommentsAndTags).filter(ts.isJSDoc);
  const text = comments.map((comment) => comment.getText().replace(/^ *\* ?/gm, '')).join('\n');
  const examples = Array.from(text.matchAll(/^@example\n```ts\n(.*?)^```$/gms), ([, code]) => code);
  return {
    place,
    summary: ts.displayPartsToString(symbol.getDocumentationComment(checker)),
    examples: examples.map((code = '') => ({ name: place, code })),
  };
}
