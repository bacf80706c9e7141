import { readFileSync } from 'node:fs';
import express from 'express';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import type { Limiter } from 'express-semaphore';
import { dashboard } from 'express-semaphore/dashboard';
import type { DashboardOptions } from 'express-semaphore/dashboard';
import { createApp } from '../../example-server/app';
import { createLimiters } from '../../example-server/limiters';
import { Work } from '../../example-server/work';
import { openBrowser, openPage } from '../helpers/browser';
import { withBrowser } from '../helpers/needs';
import { defer, serve, until } from '../helpers/serve';

const { it, describe } = withBrowser;

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
});

it('shows the numbers that /stats tells', async () => {
  const gate = defer();
  const limiters = createLimiters();
  await using server = await serve(createApp({ limiters, work: new Work(() => gate.promise) }));
  const requests = Array.from({ length: 12 }, () => fetch(`${server.url}/users`));
  const exporting = [limiters.exports.acquire(), limiters.exports.acquire(), limiters.exports.acquire()];
  // Three are served, six stood in line for as long as they may, and for the others there was no room.
  await until(() => Object.values(limiters.users.stats().rejected).reduce((a, b) => a + b) === 9);
  await using opened = await openPage(browser, `${server.url}/limits`);

  const told = (await (await fetch(`${server.url}/stats`)).json()) as {
    limiters: Record<
      string,
      { permits: number; held: number; waiting: number; rejected: Record<string, number> }
    >;
  };
  for (const name of ['app', 'users', 'exports']) {
    const { permits, held, waiting, rejected } = told.limiters[name] ?? fail(name);
    const refused = Object.values(rejected).reduce((sum, each) => sum + each, 0);
    const card = cardOf(opened.page, name);
    await panelOf(card, 'In use').getByText(`of ${permits}`).waitFor();
    expect(await textsOf(panelOf(card, 'In use'))).toEqual([String(held), `of ${permits}`]);
    expect((await textsOf(panelOf(card, 'Queued')))[0]).toBe(String(waiting));
    expect((await textsOf(panelOf(card, 'Rejected')))[1]).toBe(`${refused} in all`);
  }
  expect(told.limiters).toMatchObject({ users: { permits: 3, held: 3 }, exports: { held: 1, waiting: 2 } });

  gate.resolve();
  await Promise.all(requests.map(async (response) => (await response).text()));
  for (const permit of exporting) (await permit).release();
  await panelOf(cardOf(opened.page, 'users'), 'In use').locator('.value', { hasText: /^0$/ }).waitFor();
  expect(opened.faults).toEqual([]);
});

it('draws plots that move', async () => {
  const api = new Semaphore(10);
  await using shown = await show({ api });
  const plot = panelOf(cardOf(shown.page, 'api'), 'In use').locator('canvas');
  const permits = await Promise.all(Array.from({ length: 7 }, () => api.acquire()));
  const held = await picture(plot);
  expect(held.colours).toBeGreaterThan(2);
  await shown.page.waitForFunction(isAnother, { canvas: await plot.elementHandle(), before: held.url });
  for (const permit of permits) permit.release();
  const { url } = await picture(plot);
  await shown.page.waitForFunction(isAnother, { canvas: await plot.elementHandle(), before: url });
  expect(shown.faults).toEqual([]);
});

it('turns red with the reason while it refuses, and calm again after', async () => {
  const reports = new Semaphore(1, { queueLimit: 0 });
  await using shown = await show({ reports });
  const card = cardOf(shown.page, 'reports');
  await card.getByText('Free').waitFor();
  const permit = await reports.acquire();
  await card.getByText('At its limit').waitFor();

  const refusing = setInterval(() => void reports.acquire().catch(() => undefined), 50);
  await card.getByText(/^Rejecting [\d.]+\/s: the queue is full$/).waitFor();
  expect(await card.getAttribute('data-condition')).toBe('rejecting');
  await shown.page.getByRole('status').getByText('reports rejecting').waitFor();
  expect(await shown.page.title()).toBe('● reports rejecting');

  clearInterval(refusing);
  permit.release();
  await card.getByText('Free').waitFor();
  expect(await shown.page.title()).toBe('Limiters');
  expect(shown.faults).toEqual([]);
});

it('shows hostile keys and names as the text that they are', async () => {
  const hostile = '<img src=x onerror="document.title=1">';
  const perUser = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }));
  const held = [await perUser.acquire(hostile), await perUser.acquire('\u202egnp.exe"\n\0</script>')];
  await using shown = await show({ [hostile]: perUser });
  const { page } = shown;
  await page.getByRole('heading', { name: hostile }).waitFor();
  const row = page.getByRole('row').filter({ hasText: hostile });
  await row.waitFor();
  expect(await row.getByRole('rowheader').innerText()).toBe(hostile);
  expect(await page.locator('img').count()).toBe(0);
  await expect(perUser.acquire(hostile)).rejects.toThrow('the queue is full');
  await page.getByText(/^Rejecting/).waitFor();
  expect(await page.title()).toBe(`● ${hostile} rejecting`);
  for (const permit of held) permit.release();
  expect(shown.faults).toEqual([]);
});

it('stops asking while it is hidden or paused', async () => {
  const api = new Semaphore(1);
  await using shown = await show({ api });
  const { page, isWatched } = shown;
  await page.getByText('Live').waitFor();
  expect(isWatched()).toBe(true);

  await setHidden(page, true);
  await page.getByText('Paused').waitFor();
  await until(() => !isWatched());
  await setHidden(page, false);
  await page.getByText('Live').waitFor();
  expect(isWatched()).toBe(true);

  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused').waitFor();
  await until(() => !isWatched());
  await setHidden(page, false);
  expect(isWatched()).toBe(false);
  await page.getByRole('button', { name: 'Pause', pressed: true }).click();
  await page.getByText('Live').waitFor();
  expect(shown.faults).toEqual([]);
});

it('says that the server is gone, and comes back when it does', async () => {
  const app = (permits: number) =>
    express().use('/limits', dashboard({ api: new Semaphore(permits) }, { authorize: () => true }));
  const server = await serve(app(3));
  await using opened = await openPage(browser, `${server.url}/limits`);
  const inUse = panelOf(cardOf(opened.page, 'api'), 'In use');
  await inUse.getByText('of 3').waitFor();

  await server[Symbol.asyncDispose]();
  await opened.page.getByRole('status').getByText('The server has been gone since').waitFor();
  const back = await serve(app(4), {}, server.port);
  await inUse.getByText('of 4').waitFor();
  await opened.page.getByText('Live').waitFor();
  // The browser itself reports a connection that was refused; nothing else went wrong.
  expect(opened.faults.filter((fault) => !fault.includes('net::ERR_'))).toEqual([]);
  await back[Symbol.asyncDispose]();
});

it('says that a server is gone that is there, but says no more', async () => {
  const app = express();
  app.get('/limits/events', (_req, res) => {
    res.type('text/event-stream').write('data: {"at":0,"limiters":[]}\n\n');
  });
  app.use('/limits', dashboard({}, { authorize: () => true }));
  await using server = await serve(app);
  await using opened = await openPage(browser, `${server.url}/limits`);
  await opened.page.getByText('Live').waitFor();
  await opened.page.getByText('No limiter is shown.').waitFor();
  await opened.page.getByRole('status').getByText('The server has been gone since').waitFor();
  expect(opened.faults).toEqual([]);
});

it('is not slowed down by 10,000 keys', async () => {
  const perUser = new KeyedSemaphore(() => new Semaphore(2, { queueLimit: 1 }));
  const permits = await Promise.all(Array.from({ length: 10_000 }, (_, n) => perUser.acquire(`user ${n}`)));
  await using shown = await show({ perUser });
  const { page } = shown;
  await page.getByText('The busiest of 10,000 keys').waitFor();
  expect(await page.getByRole('row').count()).toBe(11);

  const devtools = await page.context().newCDPSession(page);
  // The thread's own time: another process that is at work on this machine does not count.
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const measure = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? fail('ScriptDuration');
  };
  const [script, began] = [await measure(), performance.now()];
  const frames = shown.frames();
  await until(() => shown.frames() >= frames + 6);
  const seconds = (performance.now() - began) / 1_000;
  const load = ((await measure()) - script) / seconds;
  expect(load).toBeLessThan(0.1);
  expect(load).toBeGreaterThan(0);
  for (const permit of permits) permit.release();
  perUser.close();
  expect(shown.faults).toEqual([]);
});

describe('for everybody', () => {
  it.each<[string, BrowserContextOptions]>([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['a phone', { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }],
  ])('has nothing serious for axe-core to find: %s', async (_how, options) => {
    await using shown = await showAll(options);
    const { page } = shown;
    await page.getByText(/^Rejecting/).waitFor();
    await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
    const found = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
      };
      const { violations } = await axe.run();
      return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0]?.html ?? ''}`);
    });
    expect(found).toEqual([]);
    expect(shown.faults).toEqual([]);
  });

  it('fits a phone without scrolling sideways', async () => {
    await using shown = await showAll({ viewport: { width: 320, height: 640 }, isMobile: true });
    await shown.page.getByText(/^Rejecting/).waitFor();
    const width = await shown.page.evaluate('document.documentElement.scrollWidth');
    expect(width).toBe(320);
  });

  it('can be used with the keyboard alone', async () => {
    await using shown = await showAll();
    const { page } = shown;
    await page.getByText('Live').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Pause');
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('Paused').waitFor();
    expect(shown.faults).toEqual([]);
  });
});

/** A dashboard in the browser, with the number of frames that were read for it so far. */
async function show(
  limiters: Record<string, Limiter | KeyedSemaphore>,
  options: DashboardOptions = {},
  context: BrowserContextOptions = {},
) {
  let frames = 0;
  const counted = {
    ...limiters,
    get 'frame counter'() {
      frames++;
      return new Semaphore(1);
    },
  };
  const streams = new Set<object>();
  const show = dashboard(counted, { authorize: () => true, ...options });
  const app = express().use('/limits', (req, res, next) => {
    if (req.path === '/events') {
      streams.add(res);
      res.once('close', () => streams.delete(res));
    }
    show(req, res, next);
  });
  const server = await serve(app);
  const opened = await openPage(browser, `${server.url}/limits/`, context);
  return {
    ...opened,
    frames: () => frames,
    isWatched: () => streams.size > 0,
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** One with all that there can be on it: every condition, keys, and each kind of control. */
async function showAll(context: BrowserContextOptions = {}) {
  const free = new Semaphore(1);
  const full = new Semaphore(1);
  const queueing = new Semaphore(1);
  const refusing = new Semaphore(0, { queueLimit: 0 });
  const perUser = new KeyedSemaphore(() => new Semaphore(1));
  await Promise.all([full.acquire(), queueing.acquire(), perUser.acquire('alice')]);
  const waiting = [queueing.acquire(), perUser.acquire('alice')].map((wait) => wait.catch(() => undefined));
  const refusals = setInterval(() => void refusing.acquire().catch(() => undefined), 50);
  const shown = await show({ refusing, queueing, perUser, full, free }, {}, context);
  return {
    ...shown,
    [Symbol.asyncDispose]: async () => {
      clearInterval(refusals);
      queueing.close();
      perUser.close();
      await Promise.all(waiting);
      await shown[Symbol.asyncDispose]();
    },
  };
}

function cardOf(page: Page, name: string): Locator {
  return page.getByRole('region', { name, exact: true });
}

function panelOf(card: Locator, label: string): Locator {
  return card.locator('.panel').filter({ has: card.page().getByRole('heading', { name: label }) });
}

function textsOf(panel: Locator): Promise<string[]> {
  return panel.locator('.figure span').allInnerTexts();
}

/** What a canvas shows, and in how many colours: with two it would be a grid on nothing. */
async function picture(canvas: Locator): Promise<{ url: string; colours: number }> {
  return canvas.evaluate((element) => {
    const drawn = element as unknown as {
      width: number;
      height: number;
      toDataURL(): string;
      getContext(kind: '2d'): {
        getImageData(x: number, y: number, w: number, h: number): { data: Uint8ClampedArray };
      };
    };
    const { data } = drawn.getContext('2d').getImageData(0, 0, drawn.width, drawn.height);
    const colours = new Set<string>();
    for (let at = 0; at < data.length; at += 4) colours.add(data.subarray(at, at + 4).join());
    return { url: drawn.toDataURL(), colours: colours.size };
  });
}

function isAnother({ canvas, before }: { canvas: unknown; before: string }): boolean {
  return (canvas as { toDataURL(): string }).toDataURL() !== before;
}

/** Headless pages are always seen, so this one is told that it is not. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { get: () => ${isHidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));`);
}

function fail(what: string): never {
  throw new Error(`no ${what}`);
}
