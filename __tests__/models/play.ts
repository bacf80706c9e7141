import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import type { Outcome, Permit } from 'express-semaphore';
import { Call } from './call';
import type { Signal } from './call';
import { endOf } from './pair';
import type { Pair } from './pair';
import { ALL_TURNS, SIGNALS } from './steps';
import type { AcquireStep, ReleaseStep, Step, TimedStep } from './steps';

/** Plays a history on a limiter and on its model, and throws where the two differ. */
export async function play(pair: Pair, history: readonly TimedStep[]): Promise<void> {
  const player = new Player(pair);
  for (const { step, turns } of history) {
    player.perform(step);
    player.compare();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    if (turns > 0) player.compare();
    if (turns === ALL_TURNS) player.compareSettled();
  }
  await player.end();
}

class Player {
  readonly #pair: Pair;
  readonly #signals: Signal[] = Array.from({ length: SIGNALS }, makeSignal);
  #calls = 0;
  /** Those of which not all has been seen that is to come. */
  readonly #open = new Set<Call>();
  /** Those with a permit to release. */
  readonly #held: Call[] = [];
  /** Calls that have released their permit. */
  readonly #released: Call[] = [];
  readonly #works: (() => void)[] = [];
  readonly #idles: { isSeen: boolean; isDue: boolean }[] = [];

  constructor(pair: Pair) {
    this.#pair = pair;
  }

  perform(step: Step): void {
    switch (step.kind) {
      case 'acquire':
        this.#acquire(this.#callOf(step));
        break;
      case 'tryAcquire':
        this.#tryAcquire(this.#callOf(step));
        break;
      case 'release':
        this.#release(step);
        break;
      case 'releaseAgain':
        choose(this.#released, step.which)?.permit?.release();
        break;
      case 'hold':
        this.#hold(choose(step.isReleased ? this.#released : this.#held, step.which));
        break;
      case 'settle':
        this.#settle(step.which);
        break;
      case 'abort':
        this.#abort(step.signal, step.reaction, step.isLate);
        break;
      case 'advance':
        this.#pair.advance(step.ms);
        break;
      case 'resize':
        this.#pair.resize('a', step.permits);
        break;
      case 'pause':
        this.#pair.pause(step.isPaused);
        break;
      case 'clear':
        this.#pair.clear();
        break;
      case 'update':
        this.#pair.update(step.queueLimit, step.maxWaitMs);
        break;
      case 'idle':
        this.#awaitIdle();
        break;
      case 'close':
        this.#pair.close();
    }
  }

  /** What can be seen at once, and what has been seen so far. */
  compare(): void {
    this.#pair.compare();
    for (const call of this.#open) {
      if (call.seen === undefined) continue;
      assert.equal(call.seen, call.end, `end of call ${call.id}`);
      this.#open.delete(call);
    }
    for (const { isSeen, isDue } of this.#idles) assert(isDue || !isSeen, 'idle too early');
    for (const signal of this.#signals) {
      const isWatched = this.#pair.waiting.some((call) => call.signal === signal);
      const listeners = getEventListeners(signal.controller.signal, 'abort').length;
      if (signal.controller.signal.aborted) assert.equal(isWatched, false, 'waits with an aborted signal');
      else assert.equal(listeners, isWatched ? 2 : 1, 'listeners');
    }
  }

  /** All that can settle has. */
  compareSettled(): void {
    for (const call of this.#open) assert.equal(call.seen, call.end, `end of call ${call.id}`);
    for (const { isSeen, isDue } of this.#idles) assert.equal(isSeen, isDue, 'told of idleness');
  }

  /** Lets everybody leave, and sees whether anything is left. */
  async end(): Promise<void> {
    for (const signal of this.#signals.keys()) this.#abort(signal, undefined, false);
    await allTurns();
    for (;;) {
      while (this.#held.length > 0) this.#release(LAST_RELEASE);
      while (this.#works.length > 0) this.#settle(0);
      await allTurns();
      this.compare();
      this.compareSettled();
      if (this.#held.length > 0) continue;
      if (this.#pair.waiting.length === 0) break;
      // Somebody heavy may be waiting for a limit that is 0.
      this.#pair.close();
      await allTurns();
    }
    this.#pair.compareAtEnd();
    assert.equal(this.#open.size, 0, 'open calls at the end');
  }

  #callOf(step: AcquireStep): Call {
    const signal = step.signal === undefined ? undefined : this.#signals[step.signal];
    return new Call(++this.#calls, { ...step, signal });
  }

  #acquire(call: Call): void {
    this.#open.add(call);
    this.#pair.acquire(call).then(
      (permit) => {
        assert.equal(permit.weight, call.weight, 'weight');
        this.#keep(call, permit);
        call.seen = 'granted';
      },
      (error: unknown) => {
        call.seen = endOf(error, call);
      },
    );
  }

  #tryAcquire(call: Call): void {
    const permit = this.#pair.tryAcquire(call);
    if (permit !== undefined) this.#keep(call, permit);
  }

  #keep(call: Call, permit: Permit): void {
    call.permit = permit;
    this.#held.push(call);
  }

  #release({ which, outcome, by, times }: ReleaseStep): void {
    const call = choose(this.#held, which);
    if (call === undefined) return;
    this.#held.splice(this.#held.indexOf(call), 1);
    this.#released.push(call);
    if (this.#released.length > 8) this.#released.shift();
    for (let time = 0; time < times; time++) {
      if (by === 'release') call.permit?.release(outcome);
      else call.permit?.[Symbol.dispose]();
    }
    call.outcome = (by === 'release' ? outcome : undefined) ?? ('success' satisfies Outcome);
    if (call.works === 0) this.#pair.release(call);
  }

  #hold(call: Call | undefined): void {
    if (call?.permit === undefined) return;
    const promise = new Promise<void>((resolve) => this.#works.push(resolve));
    call.permit.hold(promise);
    const isBack = call.outcome !== undefined && call.works === 0;
    if (!isBack) call.works++;
    // Heard right after the permit heard it, with nothing in between.
    const settled = () => {
      if (!isBack && --call.works === 0 && call.outcome !== undefined) this.#pair.release(call);
    };
    void promise.then(settled);
  }

  #settle(which: number): void {
    const work = choose(this.#works, which);
    if (work === undefined) return;
    this.#works.splice(this.#works.indexOf(work), 1);
    work();
  }

  /** One that has aborted before makes room for a fresh one. */
  #abort(index: number, reaction: Step | undefined, isLate: boolean): void {
    const signal = this.#signals[index];
    if (signal === undefined) return;
    if (signal.controller.signal.aborted) {
      this.#signals[index] = makeSignal();
      return;
    }
    const thrown: unknown[] = [];
    const react = () => {
      if (isLate) this.#pair.abort(signal);
      try {
        if (reaction !== undefined) this.perform(reaction);
      } catch (error) {
        // A listener that throws ends the process, and not the test.
        thrown.push(error);
      }
    };
    if (isLate) signal.controller.signal.addEventListener('abort', react);
    else signal.react = react;
    signal.controller.abort();
    for (const error of thrown) throw error;
    this.#pair.abort(signal);
  }

  #awaitIdle(): void {
    const idle = { isSeen: false, isDue: false };
    this.#idles.push(idle);
    void this.#pair.idle().then(() => {
      idle.isSeen = true;
    });
    this.#pair.whenIdle(() => {
      idle.isDue = true;
    });
  }
}

const LAST_RELEASE: ReleaseStep = { kind: 'release', which: 0, outcome: undefined, by: 'release', times: 2 };

async function allTurns(): Promise<void> {
  for (let turn = 0; turn < ALL_TURNS; turn++) await Promise.resolve();
}

function makeSignal(): Signal {
  const signal: Signal = { controller: new AbortController(), react: undefined };
  signal.controller.signal.addEventListener('abort', () => signal.react?.());
  return signal;
}

function choose<Item>(items: readonly Item[], which: number): Item | undefined {
  return items[which % items.length];
}
