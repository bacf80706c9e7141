import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withRedis } from '../helpers/needs';
import { RedisServer } from '../helpers/redis-server';
import { anchorsOf, filesOf, linksOf, programsOf, scriptsOf } from './markdown';
import type { MarkdownDocument } from './markdown';
import { ROOT, run, typeCheck, usesRedis } from './program';

const guides = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
const documents = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...guides.map((name) => join('docs', name)),
]
  .filter((path) => path.endsWith('.md') && !path.endsWith('.api.md'))
  .map(read);
const programs = documents.flatMap(programsOf);

describe('TypeScript in the documents', () => {
  it('compiles as it stands, under strict', () => {
    expect(typeCheck(programs)).toEqual([]);
  });

  it.each(programs.filter((program) => !usesRedis(program)))(
    'runs without an error: $name',
    async (program) => {
      await run(program);
    },
  );
});

withRedis.describe('TypeScript in the documents, with Redis', () => {
  it.each(programs.filter(usesRedis))('runs without an error: $name', async (program) => {
    await using redis = await RedisServer.start();
    await run(program, { REDIS_URL: redis.url });
  });
});

describe.each(documents)('$path', (document) => {
  it('has no dead links', () => {
    expect(linksOf(document).filter((link) => !isAlive(link, document))).toEqual([]);
  });

  it('has no hidden text', () => {
    expect(document.text).not.toContain('<!--');
  });

  it('names files that exist', () => {
    expect(filesOf(document).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('has fewer than 150 rows, unless a command wrote it', () => {
    const isWritten = /(benchmarks|simulation|README|CHANGELOG)\.md$/.test(document.path);
    expect(isWritten ? 0 : document.text.split('\n').length).toBeLessThanOrEqual(150);
  });

  it('names npm scripts that exist', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    expect(scriptsOf(document).filter((name) => !(name in manifest.scripts))).toEqual([]);
  });
});

it.each([
  ['warnings', 'lib/internal/warn.ts', /\bWARN_SEMAPHORE_[A-Z_]+/g],
  ['errors', 'lib/errors.ts', /\bERR_SEMAPHORE_[A-Z_]+\b/g],
])('the guide has an anchor in %s for each code of %s, and for no other', (page, source, pattern) => {
  const { text } = read(source);
  const codes = new Set(Array.from(text.matchAll(pattern), ([code]) => code.toLowerCase()));
  codes.delete('err_semaphore_');
  const anchors = [...anchorsOf(read(`docs/guide/${page}.md`))].filter((anchor) =>
    anchor.includes('semaphore_'),
  );
  expect(codes.size).toBeGreaterThan(5);
  expect(anchors.sort()).toEqual([...codes].sort());
});

function isAlive(link: string, from: MarkdownDocument): boolean {
  if (link.startsWith('https://')) return true;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? from.path : join(dirname(from.path), path);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(read(target)).has(anchor);
}

function read(path: string): MarkdownDocument {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') };
}
