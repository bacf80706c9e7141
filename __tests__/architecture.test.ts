import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import manifest from '../package.json';

const LIB = join(__dirname, '..', 'lib');
const FROM = /\bfrom '([^']+)'/g;

const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const sources = new Map(files.map((file) => [file, readFileSync(join(LIB, file), 'utf8')]));

/** What each file imports: files of lib, without their `.ts`, and packages. */
function importsOf(file: string): string[] {
  return Array.from(sources.get(file)?.matchAll(FROM) ?? [], ([, from = '']) =>
    from.startsWith('.') ? relative(LIB, join(LIB, dirname(file), from)).replace(/\.js$/, '.ts') : from,
  );
}

/** All that is reached from `file`, itself included. */
function reachedFrom(file: string, reached = new Set<string>()): Set<string> {
  if (reached.has(file)) return reached;
  reached.add(file);
  for (const imported of importsOf(file)) reachedFrom(imported, reached);
  return reached;
}

describe('the main entry', () => {
  const reached = [...reachedFrom('index.ts')];

  it('reaches no Redis, metrics or dashboard', () => {
    expect(reached.length).toBeGreaterThan(10);
    expect(reached.filter((file) => /^(redis|metrics|dashboard)\//.test(file))).toEqual([]);
  });

  it('needs no package but its dependencies', () => {
    const packages = reached.filter((name) => !sources.has(name) && !name.startsWith('node:'));
    expect(packages.sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });
});

describe('every file of lib', () => {
  it('is free of default exports', () => {
    for (const [file, source] of sources)
      expect([file, /^export default/m.test(source)]).toEqual([file, false]);
  });

  it('imports nothing that stands above it', () => {
    const lower = /^(core|queue|keyed)\//;
    for (const file of files.filter((name) => lower.test(name))) {
      const above = importsOf(file).filter((name) =>
        /^(http|decorators|redis|metrics|dashboard)\//.test(name),
      );
      expect([file, above]).toEqual([file, []]);
    }
  });
});
