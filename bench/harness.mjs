import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/** A very short run, to see that every part still works; its figures mean nothing. */
export const smoke = process.argv.includes('--smoke');

/**
 * Measures every subject once a round, so that whatever slows the machine for a while slows all of them.
 * A round before the first warms up and does not count. A smoke run has one round. `subjects` maps a name to
 * a function that returns one figure.
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

/** The figure in the middle, or another `part` of the way up. */
export function median(samples, part = 0.5) {
  const sorted = samples.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)];
  return below + (sorted[Math.ceil(place)] - below) * (place % 1);
}

/** How `samples` compare with `base`: the median of each round's own ratio. */
export function ratio(samples, base) {
  return median(samples.map((figure, round) => figure / base[round]));
}

/** The rows of a table that compares all subjects with one of them; `goals` says what ratio is wanted of whom. */
export function compare(samples, base, goals = {}) {
  return Object.entries(samples).map(([subject, own]) => {
    const goal = goals[subject];
    const row = { ...measured(subject, own), ratio: ratio(own, samples[base]) };
    return goal === undefined ? row : { ...row, target: goal, met: isMet(row.ratio, goal) };
  });
}

/** A row with a median and with the spread: how far apart the middle half of the rounds lies, as a part of it. */
export function measured(subject, samples) {
  const figure = median(samples);
  return { subject, figure, spread: (median(samples, 0.75) - median(samples, 0.25)) / figure };
}

/** Whether a figure is as the goal says: '<= 1' or '>= 0.98'. */
export function isMet(figure, goal) {
  const [sign, bound] = goal.split(' ');
  return sign === '<=' ? figure <= Number(bound) : figure >= Number(bound);
}

/** Milliseconds that `work` takes. */
export async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Prints a table, a row of which is `{ subject, figure, spread, ratio, target, met }`; only rows with a target are
 * judged. It judges and never fails: how fast a machine is today breaks nothing.
 */
export function report(title, unit, rows) {
  tell({
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

/** Prints a table, whose first row are the heads, and hands it to whoever collects them. */
export function tell(table) {
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
