import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as client from 'prom-client';
import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import { registerMetrics } from 'express-semaphore/prometheus';
import { turn, watch } from '../helpers/watch';

interface Dashboard {
  readonly panels: { readonly title: string; readonly targets: { expr: string; legendFormat: string }[] }[];
  readonly templating: { readonly list: { readonly query: string }[] };
}

const dashboard = JSON.parse(
  readFileSync(join(__dirname, '../../docs/guide/grafana-dashboard.json'), 'utf8'),
) as Dashboard;
const targets = dashboard.panels.flatMap((panel) => panel.targets);
const queries = [...targets.map(({ expr }) => expr), ...dashboard.templating.list.map(({ query }) => query)];

/** The labels of every series that is exported, by its name. */
let exported: Map<string, Set<string>>;

beforeAll(async () => {
  const registry = new client.Registry();
  const api = new Semaphore(1, { name: 'api' });
  const perUser = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 1 }), { name: 'per user' });
  const shared = new Semaphore(1, { name: 'shared' });
  const fleet = { held: 1, waiting: 0, nodes: 3 };
  const stats = shared.stats.bind(shared);
  jest.spyOn(shared, 'stats').mockImplementation(() => ({ ...stats(), fleet, backend: 'up' }));
  const remove = registerMetrics(client, { api, perUser, shared }, { registry, topKeys: 1 });
  const held = perUser.tryAcquire('alice');
  const waiting = perUser.acquire('alice');
  watch(perUser.acquire('alice'));
  await turn();
  exported = labelsOf(await registry.metrics());
  held?.release();
  await waiting;
  await turn();
  for (const [name, labels] of labelsOf(await registry.metrics())) exported.set(name, labels);
  remove();
});

it('queries only exported metrics, by labels that they have', () => {
  const selectors = queries.flatMap((query) => [
    ...query.matchAll(/(express_semaphore_\w+)(?:\{([^}]*)\})?/g),
  ]);
  expect(selectors.length).toBeGreaterThan(15);
  for (const [, name = '', matchers = ''] of selectors) {
    expect([...exported.keys()]).toContain(name);
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*[=!]/g)) {
      expect([...(exported.get(name) ?? [])]).toContain(label);
    }
  }
});

it('groups and names its curves by labels that they have', () => {
  for (const { expr, legendFormat } of targets) {
    const name = /express_semaphore_\w+/.exec(expr)?.[0] ?? '';
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(', '));
    expect([...(exported.get(name) ?? [])]).toEqual(expect.arrayContaining(grouped));
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(grouped).toContain(label);
  }
});

it('takes the maximum of what each process of a fleet reports, and never its sum', () => {
  for (const query of queries.filter((each) => /_fleet_|scope="fleet"/.test(each))) {
    expect(query).toMatch(/max by \(limiter\) \(express_semaphore_\w+\{[^}]*(scope="fleet")?[^}]*\}\)/);
    expect(query).not.toMatch(/sum[^(]*\([^)]*\) \(express_semaphore_(fleet_\w+|\w+\{[^}]*scope="fleet")/);
  }
  expect(queries.some((each) => each.includes('scope="fleet"'))).toBe(true);
});

it('closes every bracket, and takes the rate of counters only', () => {
  for (const query of queries) {
    for (const [open = '', close = ''] of ['()', '{}', '[]']) {
      expect(query.split(open)).toHaveLength(query.split(close).length);
    }
    for (const [, before = '', name = ''] of query.matchAll(/(\w+\()?(express_semaphore_\w+)/g)) {
      expect([name, before === 'rate(']).toEqual([name, /_(total|bucket)$/.test(name)]);
    }
  }
});

it('leaves out no metric', () => {
  const all = queries.join();
  const ignored = [...exported.keys()].filter((name) => !/_(sum|count)$/.test(name) && !all.includes(name));
  expect(ignored).toEqual([]);
});

it('has the metrics that docs/guide/metrics.md lists', () => {
  const guide = readFileSync(join(__dirname, '../../docs/guide/metrics.md'), 'utf8');
  const listed = Array.from(guide.matchAll(/^\| `(express_semaphore_\w+)`/gm), ([, name]) => name);
  const names = [...exported.keys()].map((name) => name.replace(/_seconds_(bucket|sum|count)$/, '_seconds'));
  expect(listed.sort()).toEqual([...new Set(names)].sort());
});

function labelsOf(text: string): Map<string, Set<string>> {
  const labels = new Map<string, Set<string>>();
  for (const [, name = '', inside = ''] of text.matchAll(/^(\w+)\{(.*)\} \S+$/gm)) {
    const known = labels.get(name) ?? new Set();
    for (const [, label = ''] of inside.matchAll(/(\w+)="/g)) known.add(label);
    labels.set(name, known);
  }
  return labels;
}
