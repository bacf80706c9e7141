/** Asserts which part of lib/ imports from which: docs/internals/architecture.md draws the picture. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import manifest from '../package.json';

const LIB = join(__dirname, '..', 'lib');

/** The arrows of the picture. A part is a folder of lib/, or a file beside the folders. It imports only along arrows. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  index: ['http', 'with-semaphore'],
  dashboard: ['http'],
  metrics: ['keyed'],
  http: ['keyed'],
  'with-semaphore': ['keyed'],
  keyed: ['core'],
  adaptive: ['core'],
  redis: ['core'],
  testing: ['core'],
  core: ['orders', 'errors'],
  orders: ['internal'],
  errors: ['internal'],
  internal: [],
};

/** The imports and exports of a file that begin at the start of a line: an example in a comment does not. */
const FROM = /^(?:import|export)\b[^;]*?\bfrom '([^']+)'/gm;

const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const sources = new Map(files.map((file) => [file, readFileSync(join(LIB, file), 'utf8')]));

/** What a file imports: paths in lib/, and names of packages. */
function importsOf(file: string): string[] {
  return Array.from(sources.get(file)?.matchAll(FROM) ?? [], ([, from = '']) =>
    from.startsWith('.') ? relative(LIB, join(LIB, dirname(file), from)).replace(/\.js$/, '.ts') : from,
  );
}

/** The part that a path in lib/ belongs to. */
function partOf(file: string): string {
  return file.replace(/\.ts$/, '').split('/')[0] ?? '';
}

/** The parts that arrows lead to from `part`, over any number of arrows. */
function below(part: string): Set<string> {
  const direct = ARROWS[part] ?? [];
  return new Set(direct.flatMap((next) => [next, ...below(next)]));
}

/** The files and packages that are loaded with `file`, itself included. */
function loadedWith(file: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(file)) return loaded;
  loaded.add(file);
  for (const imported of importsOf(file)) loadedWith(imported, loaded);
  return loaded;
}

/** The files of a cycle of imports that `file` leads to, if there is one. */
function findCycle(file: string, path: readonly string[] = []): readonly string[] | undefined {
  if (path.includes(file)) return path.slice(path.indexOf(file));
  if (withoutCycle.has(file)) return undefined;
  for (const imported of importsOf(file)) {
    const cycle = findCycle(imported, [...path, file]);
    if (cycle !== undefined) return cycle;
  }
  withoutCycle.add(file);
  return undefined;
}

const withoutCycle = new Set<string>();

describe('lib/', () => {
  it('has the parts of the picture', () => {
    expect([...new Set(files.map(partOf))].sort()).toEqual(Object.keys(ARROWS).sort());
  });

  it.each(Object.keys(ARROWS))('%s imports only from itself and from what its arrows lead to', (part) => {
    const allowed = new Set([part, ...below(part)]);
    const forbidden = files
      .filter((file) => partOf(file) === part)
      .flatMap((file) => importsOf(file).map((imported) => ({ file, imported })))
      .filter(({ imported }) => sources.has(imported) && !allowed.has(partOf(imported)));
    expect(forbidden).toEqual([]);
  });

  it('has no cycle of imports', () => {
    for (const file of files) expect(findCycle(file)).toBeUndefined();
  });

  it('has no default export', () => {
    expect(files.filter((file) => /^export default/m.test(sources.get(file) ?? ''))).toEqual([]);
  });
});

describe('the main entry', () => {
  const loaded = [...loadedWith('index.ts')];

  it('loads nothing of the other entries', () => {
    expect(loaded.length).toBeGreaterThan(10);
    expect(loaded.filter((file) => /^(adaptive|redis|metrics|dashboard|testing)\//.test(file))).toEqual([]);
  });

  it('needs no package but its dependencies', () => {
    const packages = loaded.filter((name) => !sources.has(name) && !name.startsWith('node:'));
    expect(packages.sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });
});
