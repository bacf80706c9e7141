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

export function median(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** How `samples` compare with `base`: the median of each round's own ratio. */
export function ratio(samples, base) {
  return median(samples.map((figure, round) => figure / base[round]));
}

/** Milliseconds that `work` takes. */
export async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Prints a table, a row of which is `{ subject, figure, ratio, target, met }`; only rows with a target are judged.
 * It judges and never fails: how fast a machine is today breaks nothing.
 */
export function report(title, unit, rows) {
  console.log(`\n${title}${smoke ? ' (smoke run: the figures mean nothing)' : ''}\n`);
  const lines = [
    ['', unit, 'ratio', 'target', 'met'],
    ...rows.map(({ subject, figure, ratio, target, met }) => [
      subject,
      figure.toLocaleString('en', { maximumFractionDigits: figure < 100 ? 1 : 0 }),
      ratio?.toFixed(3) ?? '',
      target ?? '',
      met === undefined || smoke ? '' : met ? 'yes' : 'no',
    ]),
  ];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines) {
    console.log(
      line
        .map((cell, column) =>
          column === 1 || column === 2 ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
        )
        .join('  ')
        .trimEnd(),
    );
  }
}
