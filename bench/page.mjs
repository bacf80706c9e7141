// Makes docs/internals/benchmarks.md from the tables of all benchmarks: each as text and as a picture, and the losses first.
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import * as echarts from 'echarts';
import { format } from 'prettier';

const PEERS = [
  '@fastify/under-pressure',
  '@henrygd/semaphore',
  'async-mutex',
  'async-sema',
  'bottleneck',
  'cockatiel',
  'express',
  'express-queue',
  'express-rate-limit',
  'fastify',
  'ioredis',
  'overload-protection',
  'p-limit',
  'redis-semaphore',
  'toobusy-js',
];
const OURS = 'express-semaphore';

/** The Node version and the hardware that the figures depend on. */
export function machine() {
  const memory = Math.round(totalmem() / 2 ** 30);
  const cpu = cpus()[0]?.model ?? 'unknown';
  return `Node ${process.versions.node} on ${process.platform}, ${availableParallelism()} x ${cpu}, ${memory} GB`;
}

/** The page and its pictures, by their paths under docs/internals/. */
export async function makePage(tables) {
  const files = {};
  const sections = tables.map((table) => {
    const picture = `benchmarks/${nameOf(table)}.svg`;
    files[picture] = draw(table);
    const { title, file, note, cells } = table;
    return [`## ${title}`, `\`node ${file}\``, note, markdown(cells), `![](${picture})`]
      .filter((part) => part !== undefined)
      .join('\n\n');
  });
  const page = `# Benchmarks

Made by \`npm run bench all\`. It runs each benchmark in its own process and writes this page. In one benchmark, all subjects are
measured in turn, so a slow machine slows all of them: ratios say more than figures. A figure is the median of the
rounds. The spread is the distance between the quartiles.

${machine()}; ${await versions()}. Date: ${new Date().toISOString().slice(0, 10)}.

## What this package loses at

${losses(tables)}

${sections.join('\n\n')}
`;
  files['benchmarks.md'] = await format(page, { parser: 'markdown' });
  return files;
}

function nameOf({ title }) {
  const [topic] = title.toLowerCase().split(/[;:]/);
  return topic.replace(/[^a-z0-9]+/g, '-');
}

async function versions() {
  const { packages } = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8'));
  const peers = PEERS.map((name) => `${name} ${packages[`node_modules/${name}`].version}`);
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return [...peers, `Redis ${/v=(\S+)/.exec(stdout)?.[1] ?? 'unknown'}`].join(', ');
}

/** Missed goals, and peers that are faster in the same table. */
function losses(tables) {
  const lines = tables.flatMap(({ title, unit, rows }) => [
    ...rows
      .filter(({ met }) => met === false)
      .map(
        ({ subject, figure, ratio, target }) =>
          `- ${title}: ${subject} reached ${rounded(ratio ?? figure)}; the goal is ${target}.`,
      ),
    ...faster(rows).map(
      ({ subject, figure }) => `- ${title}: ${subject} is faster, ${rounded(figure)} ${unit}.`,
    ),
  ]);
  return lines.length === 0 ? 'Nothing that is measured here.' : lines.join('\n');
}

function faster(rows) {
  const ours = rows.find(({ subject, target }) => subject.startsWith(OURS) && target !== undefined);
  if (ours === undefined) return [];
  const isLessBetter = ours.target.startsWith('<=');
  return rows.filter(
    ({ subject, figure }) =>
      PEERS.includes(subject.split(' ')[0]) && (isLessBetter ? figure < ours.figure : figure > ours.figure),
  );
}

function rounded(figure) {
  return figure.toLocaleString('en', { maximumSignificantDigits: 3 });
}

function markdown(cells) {
  const line = (texts) => `| ${texts.join(' | ')} |`;
  const [head, ...rows] = cells;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}

function isOurs({ subject, ours = subject.startsWith(OURS) }) {
  return ours;
}

/** Draws bars, with our own in another colour. */
function draw({ title, unit, rows }) {
  const height = 110 + 26 * rows.length;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 900, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
    grid: { top: 40, bottom: 50, left: 20, right: 70, containLabel: true },
    xAxis: { type: 'value', name: unit, nameLocation: 'middle', nameGap: 28 },
    yAxis: { type: 'category', inverse: true, data: rows.map(({ subject }) => subject) },
    series: {
      type: 'bar',
      label: { show: true, position: 'right', formatter: ({ value }) => rounded(value) },
      data: rows.map((row) => ({
        value: row.figure,
        itemStyle: { color: isOurs(row) || !rows.some(isOurs) ? '#0b6e4f' : '#9aa5b1' },
      })),
    },
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
