import { CAPACITY } from './phases.js';
import type { PhaseResult } from './simulate.js';

type Column = (result: PhaseResult) => string;

/** Goodput as a share of the capacity, and the 99th percentile of the latency. */
export const goodput: Column = ({ phase, total }) => {
  const p99 = total.percentile(0.99);
  return `${(total.good / phase.seconds / CAPACITY).toFixed(3)}${Number.isNaN(p99) ? '' : `, ${p99.toFixed(0)} ms`}`;
};

/** Share of rejected clients, and the limit at the end. */
export const rejections: Column = ({ total }) =>
  `${percent(total.rejected, total.offered)}, ${total.permits ?? 'no limit'}`;

/** Shares of clients of high priority, and of clients that send few requests, that were served in time. */
export const favours: Column = ({ total: { high, light } }) =>
  `${percent(high.good, high.offered)}, ${percent(light.good, light.offered)}`;

/** A Markdown table with a row for each contender and a column for each phase. */
export function table(all: Readonly<Record<string, readonly PhaseResult[]>>, column: Column): string {
  const phases = Object.values(all)[0]?.map(({ phase }) => `${phase.name}, ${loadOf(phase)}`) ?? [];
  const rows = Object.entries(all).map(([name, results]) => [name, ...results.map(column)]);
  return markdown(['', ...phases], rows);
}

/** The load of a phase as a text. */
export function loadOf({ load }: PhaseResult['phase']): string {
  return typeof load === 'number' ? `${load}x` : 'changing load';
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
}

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
