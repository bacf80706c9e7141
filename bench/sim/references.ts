// Adaptive limits of other libraries, ported from their published formulas and defaults: what ours must not fall behind.
import type { LimitAlgorithm, LimitSample } from 'express-semaphore/adaptive';

/** Netflix concurrency-limits: `Gradient2Limit` inside `WindowedLimit`, with their defaults. */
export function netflixGradient2(): LimitAlgorithm {
  const [min, max, smoothing, queueSize, tolerance] = [20, 200, 0.2, 4, 1.5];
  const longRtt = new Ewma(600, 10);
  let limit = 20;
  let nextMs = -Infinity;
  let [count, sumMs, maxInFlight] = [0, 0, 0];

  return {
    initial: limit,
    next({ startedMs, endedMs, inFlight }) {
      count++;
      sumMs += endedMs - startedMs;
      maxInFlight = Math.max(maxInFlight, inFlight);
      if (endedMs <= nextMs || count < 10) return limit;
      nextMs = endedMs + 1_000;
      limit = update(sumMs / count, maxInFlight);
      [count, sumMs, maxInFlight] = [0, 0, 0];
      return limit;
    },
  };

  function update(shortMs: number, inFlight: number): number {
    const longMs = longRtt.add(shortMs);
    if (longMs / shortMs > 2) longRtt.value *= 0.95;
    if (inFlight < limit / 2) return limit;
    const gradient = Math.max(0.5, Math.min(1, (tolerance * longMs) / shortMs));
    const wanted = limit * (1 - smoothing) + (limit * gradient + queueSize) * smoothing;
    return Math.max(min, Math.min(max, wanted));
  }
}

/** Envoy: the gradient controller of the adaptive concurrency filter, with its defaults. */
export function envoyGradient(random: () => number): LimitAlgorithm {
  const [min, max, buffer, minRttRequests] = [3, 1_000, 0.25, 50];
  const [updateMs, minRttIntervalMs, jitter] = [100, 60_000, 0.15];
  let limit = min;
  let deferredLimit = min;
  let isMeasuring = true;
  let epochMs = -Infinity;
  let nextMinRttMs = Infinity;
  let nextUpdateMs = -Infinity;
  let minRttMs = NaN;
  let atMinimum = 0;
  let times: number[] = [];

  return {
    initial: min,
    next({ startedMs, endedMs }) {
      if (nextUpdateMs === -Infinity) nextUpdateMs = startedMs + updateMs;
      // Envoy has timers; here the first sample after their time does what they do.
      if (!isMeasuring && endedMs >= nextMinRttMs) measure(endedMs);
      if (!isMeasuring && endedMs >= nextUpdateMs) update(endedMs);
      if (startedMs < epochMs) return limit;
      times.push(endedMs - startedMs);
      if (isMeasuring && times.length >= minRttRequests) {
        minRttMs = takeMedian();
        isMeasuring = false;
        limit = deferredLimit;
        nextMinRttMs = endedMs + minRttIntervalMs * (1 + jitter * random());
        nextUpdateMs = endedMs + updateMs;
      }
      return limit;
    },
  };

  function measure(nowMs: number): void {
    isMeasuring = true;
    deferredLimit = limit;
    limit = min;
    times = [];
    epochMs = nowMs;
    atMinimum = 0;
  }

  function update(nowMs: number): void {
    nextUpdateMs = nowMs + updateMs;
    if (times.length === 0) return;
    const gradient = Math.max(0.5, Math.min(2, (minRttMs * (1 + buffer)) / takeMedian()));
    const wanted = Math.floor(limit * gradient + Math.sqrt(limit * gradient));
    const next = Math.max(min, Math.min(max, wanted));
    atMinimum = limit === min && next === min ? atMinimum + 1 : 0;
    limit = next;
    if (atMinimum >= 5) measure(nowMs);
  }

  function takeMedian(): number {
    const median = quantile(times, 0.5);
    times = [];
    return median;
  }
}

/** failsafe-go: the adaptive limiter, with its defaults. */
export function failsafeGo(): LimitAlgorithm {
  const [min, max, maxLimitFactor] = [1, 200, 5];
  const [windowMs, minSamples, recentQuantile] = [1_000, 50, 0.9];
  const recent: number[] = [];
  const filter: number[] = [];
  const smoothed = new Ewma(5, 10);
  const baseline = new Ewma(10, 10);
  const throughputs = new CorrelationWindow();
  const times = new CorrelationWindow();
  let limit = 20;
  let nextMs = -Infinity;
  let maxInFlight = 0;

  return {
    initial: limit,
    next({ startedMs, endedMs, inFlight }: LimitSample) {
      recent.push(endedMs - startedMs);
      maxInFlight = Math.max(maxInFlight, inFlight);
      if (endedMs <= nextMs || recent.length < minSamples) return limit;
      const smallestMs = Math.min(...recent);
      filter.push(quantile(recent, recentQuantile));
      if (filter.length > 5) filter.shift();
      const filtered = filter.length < 5 ? (filter.at(-1) ?? NaN) : quantile([...filter], 0.5);
      limit = update(smoothed.add(filtered), maxInFlight);
      recent.length = 0;
      maxInFlight = 0;
      nextMs = endedMs + Math.min(30_000, Math.max(2 * smallestMs, windowMs));
      return limit;
    },
  };

  function update(recentMs: number, inFlight: number): number {
    const unit = limit < 100 ? 1 : Math.floor(Math.log10(limit));
    const queued = Math.ceil(limit * (1 - baseline.add(recentMs) / recentMs));
    const throughput = inFlight / (recentMs / 1_000);
    const { correlation: throughputCorrelation, variationY } = throughputs.add(inFlight, throughput);
    const { correlation: timeCorrelation } = times.add(inFlight, recentMs);
    // failsafe-go looks at the semaphore itself; here the permits in flight tell whether it was full.
    const isFull = inFlight >= Math.floor(limit);
    let next = limit;
    if (
      queued > 6 * unit ||
      (isFull && throughputCorrelation < 0) ||
      (isFull && throughputCorrelation < 0.3 && timeCorrelation > 0.5) ||
      (isFull && variationY < 0.2 && timeCorrelation > 0.5)
    ) {
      next -= unit;
    } else if (queued < 3 * unit) next += unit;
    if (next > inFlight * maxLimitFactor) next = limit - unit;
    return Math.max(min, Math.min(max, next));
  }
}

/** An exponentially weighted average that starts as the plain average of `warmUp` values. */
class Ewma {
  value = 0;
  #count = 0;
  #sum = 0;
  readonly #factor: number;
  readonly #warmUp: number;

  constructor(window: number, warmUp: number) {
    this.#factor = 2 / (window + 1);
    this.#warmUp = warmUp;
  }

  add(value: number): number {
    if (this.#count < this.#warmUp) {
      this.#sum += value;
      this.value = this.#sum / ++this.#count;
    } else this.value += this.#factor * (value - this.value);
    return this.value;
  }
}

/** Correlation of the last 50 pairs; 0 for fewer than 10 pairs, or for values that hardly vary. */
class CorrelationWindow {
  readonly #pairs: (readonly [number, number])[] = [];

  add(x: number, y: number): { correlation: number; variationY: number } {
    this.#pairs.push([x, y]);
    if (this.#pairs.length > 50) this.#pairs.shift();
    const count = this.#pairs.length;
    if (count < 10) return { correlation: 0, variationY: 0 };
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / count;
    const [meanX, meanY] = [mean(this.#pairs.map(([x]) => x)), mean(this.#pairs.map(([, y]) => y))];
    const deviationX = Math.sqrt(mean(this.#pairs.map(([x]) => (x - meanX) ** 2)));
    const deviationY = Math.sqrt(mean(this.#pairs.map(([, y]) => (y - meanY) ** 2)));
    const variationY = deviationY / meanY;
    if (deviationX / meanX < 0.01 || variationY < 0.01) return { correlation: 0, variationY };
    const covariance = mean(this.#pairs.map(([x, y]) => (x - meanX) * (y - meanY)));
    return { correlation: covariance / (deviationX * deviationY), variationY };
  }
}

function quantile(values: number[], share: number): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN;
}
