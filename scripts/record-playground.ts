import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { openPage } from '../__tests__/helpers/browser';
import { startServer } from '../example-server/start-server';

/** Records the playground as a moving picture: an animated WebP of real frames. */

const PICTURE = 'docs/guide/playground.webp';

/** Size of the page. A frame has `SCALE` times as many pixels in each direction. */
const VIEWPORT = { width: 1_200, height: 780 };
const SCALE = 0.75;

/** Time between two frames while recording, in milliseconds. */
const STEP_MS = 1_000;
/** Time that a frame is shown, in milliseconds: the picture runs eight times as fast as the clock. */
const SHOWN_MS = 125;
/** Time that the last frame is shown, in milliseconds. */
const LAST_MS = 2_500;

/** Largest picture in bytes. Every reader of the documents loads it. */
const MOST_BYTES = 600_000;

/** What happens, and for how many frames. The service becomes slow, and a better limiter helps. */
const SCENES = [
  { change: { isOn: true, kind: 'unbounded queue' }, frames: 10 },
  { change: { serviceMs: 200 }, frames: 20 },
  { change: { kind: 'expected wait' }, frames: 22 },
] as const;

export async function recordPlayground(browser: Browser): Promise<void> {
  const server = await startServer();
  const frames: Buffer[] = [];
  try {
    await using shown = await openPage(browser, `${server.url}/playground/`, {
      colorScheme: 'light',
      viewport: VIEWPORT,
      deviceScaleFactor: SCALE,
      reducedMotion: 'reduce',
    });
    for (const { change, frames: count } of SCENES) {
      await changePlayground(server.url, change);
      frames.push(...(await record(shown.page, count)));
    }
  } finally {
    await server.stop();
  }
  const delay = frames.map((_, index) => (index === frames.length - 1 ? LAST_MS : SHOWN_MS));
  await sharp(frames, { join: { animated: true } })
    .webp({ quality: 60, effort: 4, minSize: true, mixed: true, loop: 0, delay })
    .toFile(PICTURE);
  const { size } = await stat(PICTURE);
  console.log(`${PICTURE}: ${frames.length} frames, ${size} bytes`);
  if (size > MOST_BYTES) throw new Error(`${PICTURE} has more than ${MOST_BYTES} bytes`);
}

async function record(page: Page, count: number): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  for (let n = 0; n < count; n++) {
    const started = performance.now();
    frames.push(await page.screenshot());
    await sleep(Math.max(0, STEP_MS - (performance.now() - started)));
  }
  return frames;
}

/** Changes the playground of a running example server. */
export async function changePlayground(url: string, change: object): Promise<void> {
  const response = await fetch(`${url}/playground/state`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(change),
  });
  if (!response.ok) throw new Error(await response.text());
}
