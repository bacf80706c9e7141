import * as echarts from 'echarts';
import { CAPACITY } from './phases.js';
import type { PhaseResult } from './simulate.js';
import { loadOf } from './table.js';

/** Colours that colour-blind readers can distinguish. Source: M. Okabe and K. Ito, "Color Universal Design", 2008. */
const COLOURS = ['#000000', '#999999', '#0072b2', '#cc79a7', '#e69f00', '#d55e00'];

/** Draws one phase: goodput and the 99th percentile of each second, with a curve for each contender. */
export function chart(phaseIndex: number, all: Readonly<Record<string, readonly PhaseResult[]>>): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 560 });
  const entries = Object.entries(all).map(([name, results]) => ({ name, result: results[phaseIndex] }));
  const phase = entries[0]?.result?.phase;
  const curve = (name: string, axis: number, data: (number | null)[]) => ({
    name,
    type: 'line' as const,
    showSymbol: false,
    xAxisIndex: axis,
    yAxisIndex: axis,
    data: data.map((value, second) => [second + 1, value]),
  });
  chart.setOption({
    animation: false,
    color: COLOURS,
    backgroundColor: '#fff',
    title: {
      text: phase === undefined ? '' : `${phase.name}: load of ${loadOf(phase)} the capacity`,
      left: 'center',
      top: 8,
    },
    legend: { top: 40 },
    grid: [
      { top: 100, height: 175, left: 90, right: 30 },
      { top: 340, height: 175, left: 90, right: 30 },
    ],
    xAxis: [
      { type: 'value', gridIndex: 0, name: 'second', nameLocation: 'middle', nameGap: 24 },
      { type: 'value', gridIndex: 1, name: 'second', nameLocation: 'middle', nameGap: 24 },
    ],
    yAxis: [
      { type: 'value', gridIndex: 0, name: 'served in time, of capacity', min: 0, max: atLeastTenth },
      { type: 'value', gridIndex: 1, name: 'p99 of those, ms', min: 0 },
    ],
    series: entries.flatMap(({ name, result }) => [
      curve(name, 0, result?.seconds.map(({ good }) => good / CAPACITY) ?? []),
      curve(name, 1, result?.seconds.map((account) => finite(account.percentile(0.99))) ?? []),
    ]),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** The top of the axis: a tenth at least, so that goodput near zero looks like it. */
function atLeastTenth({ max }: { readonly max: number }): number {
  return Math.max(0.1, Math.ceil(max * 10) / 10);
}
