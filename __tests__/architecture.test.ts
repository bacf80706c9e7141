import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import manifest from '../package.json';

const LIB = join(__dirname, '..', 'lib');
/** At the start of a line: examples in comments import the package itself. */
const FROM = /^(?:import|export)\b[^;]*?\bfrom '([^']+)'/gm;

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
    expect(reached.filter((file) => /^(adaptive|redis|metrics|dashboard)\//.test(file))).toEqual([]);
  });

  it('needs no package but its dependencies', () => {
    const packages = reached.filter((name) => !sources.has(name) && !name.startsWith('node:'));
    expect(packages.sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });
});

/** Which folders a folder of lib may import from, apart from itself. */
const BELOW: Record<string, readonly string[]> = {
  internal: [],
  orders: ['internal'],
  core: ['internal', 'orders'],
  keyed: ['internal', 'orders', 'core'],
  adaptive: ['internal', 'orders', 'core', 'keyed'],
  redis: ['internal', 'orders', 'core', 'keyed'],
  http: ['internal', 'core', 'keyed'],
  metrics: ['internal', 'core', 'keyed'],
  dashboard: ['internal', 'core', 'keyed', 'http'],
};

function folderOf(file: string): string {
  return dirname(file).split('/')[0] ?? '';
}

/** Each file of a circle of imports that `file` is part of, or leads to. */
function findCircle(file: string, way: readonly string[] = []): readonly string[] | undefined {
  if (way.includes(file)) return way.slice(way.indexOf(file));
  if (free.has(file)) return undefined;
  for (const imported of importsOf(file)) {
    const circle = findCircle(imported, [...way, file]);
    if (circle !== undefined) return circle;
  }
  free.add(file);
  return undefined;
}

/** Those known to lead to no circle. */
const free = new Set<string>();

describe('every file of lib', () => {
  it('is free of default exports', () => {
    for (const [file, source] of sources)
      expect([file, /^export default/m.test(source)]).toEqual([file, false]);
  });

  it('imports only from its own folder and from those below, and the errors', () => {
    for (const file of files.filter((name) => name.includes('/'))) {
      const own = folderOf(file);
      const above = importsOf(file).filter(
        (name) =>
          sources.has(name) && name !== 'errors.ts' && ![own, ...(BELOW[own] ?? [])].includes(folderOf(name)),
      );
      expect([file, above]).toEqual([file, []]);
    }
  });

  it('is part of no circle of imports', () => {
    for (const file of files) expect(findCircle(file)).toBeUndefined();
  });
});
