/** Reads values of `/stats` by path, as in `number('limiters', 'users', 'held')`. */
export interface StatsReader {
  /** The number at a path. Throws if there is none. */
  number(...path: string[]): number;
  /** The names under a path. */
  names(...path: string[]): string[];
}

/** Fetches `/stats` of an example server, until `signal` aborts. */
export async function readStats(url: string, signal: AbortSignal | null = null): Promise<StatsReader> {
  const response = await fetch(`${url}/stats`, { signal });
  const report: unknown = await response.json();

  function at(path: readonly string[]): unknown {
    let value = report;
    for (const name of path) value = isRecord(value) ? value[name] : undefined;
    return value;
  }

  return {
    number(...path) {
      const value = at(path);
      if (typeof value !== 'number') throw new Error(`/stats has no number at ${path.join('.')}`);
      return value;
    },
    names(...path) {
      const value = at(path);
      return isRecord(value) ? Object.keys(value) : [];
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
