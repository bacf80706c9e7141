import { setTimeout } from 'node:timers/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { openBrowser, openPage } from '../__tests__/helpers/browser';
import { startServer } from '../example-server/start-server';

/** Takes the pictures of the dashboard in docs/, of the example server with load on it. */

const LOOKS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: 'light', viewport: { width: 1_200, height: 1_044 } },
  dark: { colorScheme: 'dark', viewport: { width: 1_200, height: 720 } },
  phone: {
    colorScheme: 'light',
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
  },
};

/** So long it takes until the plots are full, in milliseconds. */
const SPAN_MS = 60_000;

void main();

async function main(): Promise<void> {
  const server = await startServer();
  const browser = await openBrowser();
  const stopLoad = startLoad(server.url);
  try {
    const pages = new Map<string, Page>();
    for (const [look, options] of Object.entries(LOOKS)) {
      pages.set(look, (await openPage(browser, `${server.url}/limits`, options)).page);
    }
    const first = pages.get('light');
    if (first === undefined) throw new Error('there is no light look');
    await first.getByLabel('Limiter').selectOption('expected wait');
    await first.getByRole('switch').check();
    await setTimeout(SPAN_MS / 2);
    await first.getByRole('button', { name: 'Double' }).click();
    await setTimeout(SPAN_MS / 2);

    await pages.get('dark')?.evaluate(scrollTo('perUser'));
    await pages.get('phone')?.evaluate(scrollTo('playground'));
    await setTimeout(2_000);
    for (const [look, page] of pages) await page.screenshot({ path: `docs/guide/dashboard-${look}.png` });
  } finally {
    stopLoad();
    await browser.close();
    await server.stop();
  }
}

function scrollTo(limiter: string): string {
  return `document.querySelector('[aria-label="${limiter}"]').scrollIntoView()`;
}

/** Users of the other routes, now more and now fewer, and many when the pictures are taken. Returns what stops them. */
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
