const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** A count. */
export function count(value: number): string {
  return whole.format(value);
}

/** How often in a second; of little, with one digit behind the point. */
export function perSecond(value: number): string {
  return `${(value < 10 ? fine : whole).format(value)}/s`;
}

/** A duration of so many milliseconds. */
export function duration(ms: number): string {
  if (ms < 1) return ms === 0 ? '0 ms' : '< 1 ms';
  if (ms < 1_000) return `${whole.format(ms)} ms`;
  return `${fine.format(ms / 1_000)} s`;
}
