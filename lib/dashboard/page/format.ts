const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const toTheMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const toTheSecond = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** A count, as in `1,204`. */
export function count(value: number): string {
  return whole.format(value);
}

/** A rate, as in `15/s`. Rates below 10 have one decimal. */
export function perSecond(value: number): string {
  return `${(value < 10 ? fine : whole).format(value)}/s`;
}

/** A duration in the unit that suits it, as in `12 ms`, `1.3 s` or `4 min`. */
export function duration(ms: number): string {
  if (ms < 1) return ms === 0 ? '0 ms' : '< 1 ms';
  if (ms < 999.5) return `${whole.format(ms)} ms`;
  return ms < 59_950 ? `${fine.format(ms / 1_000)} s` : `${whole.format(ms / 60_000)} min`;
}

/** The local time of a moment in seconds since the epoch, as in `14:05` or `14:05:30`. */
export function timeOfDay(seconds: number, withSeconds: boolean): string {
  return (withSeconds ? toTheSecond : toTheMinute).format(seconds * 1_000);
}

/** The text with each control character escaped, as in `\u202e`. Bidirectional controls could make a key look like another. */
export function visible(text: string): string {
  return text.replace(CONTROLS, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code > 0xffff ? `{${code.toString(16)}}` : code.toString(16).padStart(4, '0')}`;
  });
}

/** Controls, invisible format characters, bidirectional ones among them, separators of lines, and letters without ink. */
const CONTROLS = /[\p{Cc}\p{Cf}\u2028\u2029\u115f\u1160\u3164\uffa0]/gu;
