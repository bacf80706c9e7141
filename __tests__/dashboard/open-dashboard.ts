/** Serves a dashboard and opens it in a real browser, for the tests of its page. */
import express from 'express';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { dashboard } from 'express-semaphore/dashboard';
import { openPage } from '../helpers/browser';

import { serve } from '../helpers/serve';

/** Opens a dashboard of `limiters`. */
export async function openDashboard(
  browser: Browser,
  limiters: Record<string, Limiter | KeyedSemaphore>,
  context: BrowserContextOptions = {},
  hash = '',
) {
  const streams = new Set<object>();
  const show = dashboard(limiters, { authorize: () => true });
  const app = express().use('/limits', (req, res, next) => {
    if (req.path === '/events') {
      streams.add(res);
      res.once('close', () => streams.delete(res));
    }
    show(req, res, next);
  });
  const server = await serve(app);
  const opened = await openPage(browser, `${server.url}/limits/${hash}`, context);
  return {
    ...opened,
    /** Whether a stream is open now. */
    isWatched: () => streams.size > 0,
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Opens a dashboard of limiters in every condition, and of more that are free. */
export async function openBusyDashboard(
  browser: Browser,
  context: BrowserContextOptions = {},
  { free: count = 1, hash = '' } = {},
) {
  const free = Array.from({ length: count }, () => new Semaphore(5));
  const full = new Semaphore(1);
  const queueing = new Semaphore(1);
  const rejecting = new Semaphore(0, { queueLimit: 0 });
  const perUser = new KeyedSemaphore(() => new Semaphore(1));
  await Promise.all([full.acquire(), queueing.acquire(), perUser.acquire('alice')]);
  const waiting = [queueing.acquire(), perUser.acquire('alice')].map((wait) => wait.catch(() => undefined));
  const rejections = setInterval(() => void rejecting.acquire().catch(() => undefined), 50);
  const limiters = {
    ...Object.fromEntries(free.map((each, n) => [`free ${n}`, each])),
    full,
    queueing,
    perUser,
    rejecting,
  };
  const opened = await openDashboard(browser, limiters, context, hash);
  await lineOf(opened.page, 'rejecting')
    .getByText(/^Rejecting/)
    .waitFor();
  return {
    ...opened,
    /** The free limiters, called `free 0`, `free 1` and so on. */
    free,
    [Symbol.asyncDispose]: async () => {
      clearInterval(rejections);
      queueing.close();
      perUser.close();
      await Promise.all(waiting);
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** The line of the strip with this limiter. */
export function lineOf(page: Page, name: string): Locator {
  return page
    .getByRole('table', { name: 'All limiters' })
    .getByRole('row')
    .filter({ has: page.getByRole('button', { name, exact: true }) });
}

/** The card of this limiter, opened. */
export async function openCard(page: Page, name: string): Promise<Locator> {
  const card = page.getByRole('region', { name, exact: true });
  await card.waitFor();
  if ((await card.locator('details').getAttribute('open')) === null) await card.locator('summary').click();
  return card;
}

/** The panel of a card with this heading. */
export function panelOf(card: Locator, label: string): Locator {
  return card.locator('.panel').filter({ has: card.page().getByRole('heading', { name: label }) });
}
