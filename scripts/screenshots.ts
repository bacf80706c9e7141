import { setTimeout } from 'node:timers/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import sharp from 'sharp';
import { openBrowser, openPage } from '../__tests__/helpers/browser';
import { startServer } from '../example-server/start-server';
import { changePlayground, recordPlayground } from './record-playground';

/** Takes the pictures of docs/guide/, of the example server under load: three of the dashboard, and a moving one. */

const LOOKS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: 'light', viewport: { width: 1_280, height: 860 } },
  dark: { colorScheme: 'dark', viewport: { width: 1_280, height: 560 } },
  phone: {
    colorScheme: 'light',
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
  },
};

/** Time until the plots are full, in milliseconds. */
const SPAN_MS = 60_000;

void main();

async function main(): Promise<void> {
  const browser = await openBrowser();
  try {
    await showDashboard(browser);
    await recordPlayground(browser);
  } finally {
    await browser.close();
  }
}

async function showDashboard(browser: Browser): Promise<void> {
  const server = await startServer();
  const stopLoad = startLoad(server.url);
  try {
    const pages = new Map<string, Page>();
    for (const [look, options] of Object.entries(LOOKS)) {
      pages.set(look, (await openPage(browser, `${server.url}/limits/`, options)).page);
    }
    await changePlayground(server.url, { isOn: true, kind: 'expected wait' });
    await setTimeout(SPAN_MS / 2);
    await changePlayground(server.url, { serviceMs: 200 });
    await setTimeout(SPAN_MS / 2);
    // A page that opens under load opens the cards of busy limiters.
    for (const page of pages.values()) await page.reload();
    await setTimeout(2_000);
    await pages.get('dark')?.evaluate(`document.querySelector('[aria-label="perUser"]').scrollIntoView()`);
    await setTimeout(2_000);
    for (const [look, page] of pages) {
      const picture = sharp(await page.screenshot()).webp({ lossless: true });
      await picture.toFile(`docs/guide/dashboard-${look}.webp`);
    }
  } finally {
    stopLoad();
    await server.stop();
  }
}

/** Sends requests to the other routes in waves, with a high wave when the pictures are taken. Returns a function that stops it. */
function startLoad(url: string): () => void {
  const users = Array.from({ length: 14 }, (_, index) => ({ headers: { 'x-api-token': `token ${index}` } }));
  const highTide = performance.now() + SPAN_MS + 4_000;
  const timer = setInterval(() => {
    const wave = 1 + Math.cos((performance.now() - highTide) / 4_000);
    if (Math.random() < wave / 2) void ask(`${url}/users`);
    for (let n = 0; n < 3 * wave; n++) {
      void ask(`${url}/orders`);
      void ask(`${url}/me`, users[Math.floor(users.length * Math.random() ** 2)]);
    }
  }, 50);
  return () => {
    clearInterval(timer);
  };
}

async function ask(url: string, options?: RequestInit): Promise<void> {
  await fetch(url, options)
    .then((response) => response.arrayBuffer())
    .catch(() => undefined);
}
