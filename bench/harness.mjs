import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/** A smoke run is very short and only shows that every part works. Its figures mean nothing. */
export const smoke = process.argv.includes('--smoke');

/**
 * Measures every subject once in each round, so that a slow phase of the machine slows all of them. An extra first round
 * warms up and does not count. A smoke run has one round. `subjects` maps a name to a function that returns one figure.
 */
export async function interleave(subjects, rounds) {
  const samples = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = smoke ? rounds : 0; round <= rounds; round++) {
    for (const [name, measure] of Object.entries(subjects)) {
      collectGarbage();
      const figure = await measure();
      if (round > 0) samples[name].push(figure);
    }
  }
  return samples;
}

/** The median, or another quantile when `part` is not 0.5. */
export function median(samples, part = 0.5) {
  const sorted = samples.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)];
  return below + (sorted[Math.ceil(place)] - below) * (place % 1);
}

/** The median of the ratios of `samples` to `base`, taken round by round. */
export function ratio(samples, base) {
  return median(samples.map((figure, round) => figure / base[round]));
}

/** The rows of a table that compares all subjects with the subject `base`. `goals` maps a subject to its wanted ratio. */
export function compare(samples, base, goals = {}) {
  return Object.entries(samples).map(([subject, own]) => {
    const goal = goals[subject];
    const row = { ...measured(subject, own), ratio: ratio(own, samples[base]) };
    return goal === undefined ? row : { ...row, target: goal, met: isMet(row.ratio, goal) };
  });
}

/** A row with the median and the spread: the interquartile range as a part of the median. */
export function measured(subject, samples) {
  const figure = median(samples);
  return { subject, figure, spread: (median(samples, 0.75) - median(samples, 0.25)) / figure };
}

/** Whether a figure meets a goal such as '<= 1' or '>= 0.98'. */
export function isMet(figure, goal) {
  const [sign, bound] = goal.split(' ');
  return sign === '<=' ? figure <= Number(bound) : figure >= Number(bound);
}

/** Measures the milliseconds that `work` takes. */
export async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Prints a table. A row is `{ subject, figure, spread, ratio, target, met }`, and only rows with a target are judged. A
 * missed target does not fail the process, because it may be the machine that is slow.
 */
export function report(title, unit, rows) {
  publish({
    title,
    unit,
    rows,
    cells: [
      ['', unit, 'spread', 'ratio', 'goal', 'met'],
      ...rows.map(({ subject, figure, spread, ratio, target, met }) => [
        subject,
        figure.toLocaleString('en', { maximumFractionDigits: figure < 1 ? 2 : figure < 100 ? 1 : 0 }),
        spread === undefined ? '' : `${(100 * spread).toFixed(0)} %`,
        ratio?.toFixed(3) ?? '',
        target ?? '',
        met === undefined || smoke ? '' : met ? 'yes' : 'no',
      ]),
    ],
  });
}

/**
 * Prints a table, whose first row has the heads, and sends it to the parent process if there is one. The page prints its
 * `note` above it.
 */
export function publish(table) {
  const { title, cells } = table;
  process.send?.(table);
  console.log(`\n${title}${smoke ? ' (smoke run: the figures mean nothing)' : ''}\n`);
  const widths = cells[0].map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  for (const line of cells) {
    console.log(
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
        .join('  ')
        .trimEnd(),
    );
  }
}
