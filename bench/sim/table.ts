import { CAPACITY } from './phases.js';
import type { PhaseResult } from './simulate.js';

type Column = (result: PhaseResult) => string;

/** Goodput as a part of what the process can serve, and the 99th percentile of those served. */
export const goodput: Column = ({ phase, total }) => {
  const p99 = total.percentile(0.99);
  return `${(total.good / phase.seconds / CAPACITY).toFixed(3)}${Number.isNaN(p99) ? '' : `, ${p99.toFixed(0)} ms`}`;
};

/** The part that was refused, and the limit at the end. */
export const refusals: Column = ({ total }) =>
  `${percent(total.refused, total.offered)}, ${total.permits ?? 'no limit'}`;

/** The parts of high priority, and of users who send little, that were served in time. */
export const favours: Column = ({ total: { high, light } }) =>
  `${percent(high.good, high.offered)}, ${percent(light.good, light.offered)}`;

/** A Markdown table: a line a contender, a column a phase. */
export function table(all: Readonly<Record<string, readonly PhaseResult[]>>, column: Column): string {
  const phases = Object.values(all)[0]?.map(({ phase }) => `${phase.name}, ${phase.load}x`) ?? [];
  const rows = Object.entries(all).map(([name, results]) => [name, ...results.map(column)]);
  return markdown(['', ...phases], rows);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
}

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
