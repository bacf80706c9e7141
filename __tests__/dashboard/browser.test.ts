import express from 'express';
import type { Locator, Page } from 'playwright-core';
import { KeyedSemaphore, Semaphore } from 'express-semaphore';
import { basicAuth, dashboard } from 'express-semaphore/dashboard';
import { createApp } from '../../example-server/app';
import { createLimiters } from '../../example-server/limiters';
import { Work } from '../../example-server/work';
import { browserOfTests, openPage } from '../helpers/browser';
import { withBrowser } from '../helpers/needs';
import { defer, serve, until } from '../helpers/serve';
import { lineOf, openBusyDashboard, openCard, openDashboard, panelOf } from './open-dashboard';

const { it, describe } = withBrowser;
const browser = browserOfTests();

it('shows the numbers of /stats', async () => {
  const done = defer();
  const limiters = createLimiters();
  await using server = await serve(createApp({ limiters, work: new Work(() => done.promise) }));
  const requests = Array.from({ length: 12 }, () => fetch(`${server.url}/users`));
  const exporting = [limiters.exports.acquire(), limiters.exports.acquire(), limiters.exports.acquire()];
  // Three are running. Six waited for the default of one second. Three found the queue full.
  await until(() => Object.values(limiters.users.stats().rejected).reduce((a, b) => a + b) === 9);
  await using opened = await openPage(browser(), `${server.url}/limits`);

  const stats = (await (await fetch(`${server.url}/stats`)).json()) as {
    limiters: Record<
      string,
      { permits: number; held: number; waiting: number; rejected: Record<string, number> }
    >;
  };
  for (const name of ['app', 'users', 'exports']) {
    const { permits, held, waiting, rejected } = stats.limiters[name] ?? fail(name);
    const rejections = Object.values(rejected).reduce((sum, each) => sum + each, 0);
    const cells = lineOf(opened.page, name).getByRole('cell');
    await cells.first().getByText(`${held} of ${permits}`).waitFor();
    expect(await cells.nth(1).innerText()).toBe(String(waiting));
    const card = await openCard(opened.page, name);
    await panelOf(card, 'In use').getByText(`of ${permits}`).waitFor();
    expect(await textsOf(panelOf(card, 'In use'))).toEqual([String(held), `of ${permits}`]);
    expect((await textsOf(panelOf(card, 'Queued')))[0]).toBe(String(waiting));
    expect((await textsOf(panelOf(card, 'Rejected')))[1]).toBe(`${rejections} in total`);
  }
  expect(stats.limiters).toMatchObject({ users: { permits: 3, held: 3 }, exports: { held: 1, waiting: 2 } });

  done.resolve();
  await Promise.all(requests.map(async (response) => (await response).text()));
  for (const permit of exporting) (await permit).release();
  const users = opened.page.getByRole('region', { name: 'users', exact: true });
  await panelOf(users, 'In use').locator('.value', { hasText: /^0$/ }).waitFor();
  await panelOf(users, 'Hold, median')
    .locator('.value', { hasText: /^[\d.]+ m?s$/ })
    .waitFor();
  expect(opened.faults).toEqual([]);
});

it('draws plots that move, with a time axis', async () => {
  const api = new Semaphore(10);
  await using shown = await openDashboard(browser(), { api });
  const plot = panelOf(await openCard(shown.page, 'api'), 'In use').locator('canvas');
  const permits = await Promise.all(Array.from({ length: 7 }, () => api.acquire()));
  await until(async () => (await picture(plot)).colours > 2);
  const { url: before } = await picture(plot);
  for (const permit of permits) permit.release();
  await until(async () => (await picture(plot)).url !== before);
  expect(shown.faults).toEqual([]);
});

it('shows the values at the pointer', async () => {
  const api = new Semaphore(10);
  const permits = await Promise.all([api.acquire(), api.acquire()]);
  await using shown = await openDashboard(browser(), { api });
  const panel = panelOf(await openCard(shown.page, 'api'), 'In use');
  await panel.locator('.u-over').hover({ position: { x: 100, y: 20 } });
  await panel.getByText(/^\d\d:\d\d:\d\d +2 \/ 10$/).waitFor();
  await shown.page.mouse.move(0, 0);
  await until(async () => (await panel.locator('.read-out').innerText()) === '');
  for (const permit of permits) permit.release();
});

it('draws plots after fast scrolling, when the first entry of an observer is stale', async () => {
  await using shown = await openBusyDashboard(browser(), { viewport: { width: 1_200, height: 300 } });
  const { page } = shown;
  const plot = panelOf(await openCard(page, 'full'), 'In use').locator('canvas');
  for (let n = 0; n < 10; n++) {
    await page.evaluate('scrollTo(0, document.body.scrollHeight); scrollTo(0, 0)');
  }
  await plot.scrollIntoViewIfNeeded();
  const { url } = await picture(plot);
  await until(async () => (await picture(plot)).url !== url);
});

it('shows the last 15 minutes after a reload', async () => {
  const api = new Semaphore(4);
  await using shown = await openDashboard(browser(), { api });
  const { page } = shown;
  await openCard(page, 'api');
  const permits = await Promise.all([api.acquire(), api.acquire(), api.acquire()]);
  // A step of the history lasts 5 seconds.
  await page.waitForTimeout(11_000);
  for (const permit of permits) permit.release();
  await page.reload();
  const panel = panelOf(await openCard(page, 'api'), 'In use');
  await until(async () => {
    await panel.locator('.u-over').hover({ position: { x: 115, y: 20 } });
    return (await panel.locator('.read-out').innerText()).endsWith('3 / 4');
  });
  expect(shown.faults).toEqual([]);
});

it('turns red with the reason while a limiter rejects, and calm again after', async () => {
  const reports = new Semaphore(1, { queueLimit: 0 });
  await using shown = await openDashboard(browser(), { reports });
  const card = shown.page.getByRole('region', { name: 'reports' });
  await card.getByText('Free').waitFor();
  const permit = await reports.acquire();
  await card.getByText('At its limit').waitFor();

  const rejecting = setInterval(() => void reports.acquire().catch(() => undefined), 50);
  await card.getByText(/^Rejecting [\d.]+\/s: the queue is full$/).waitFor();
  expect(await card.getAttribute('data-condition')).toBe('rejecting');
  await shown.page.getByRole('status').getByText('reports rejecting').waitFor();
  expect(await shown.page.title()).toBe('● reports rejecting');

  clearInterval(rejecting);
  permit.release();
  await card.getByText('Free').waitFor();
  expect(await shown.page.title()).toBe('Limiters');
  expect(shown.faults).toEqual([]);
});

it('shows hostile keys and names as plain text, with control characters escaped', async () => {
  const hostile = '<img src=x onerror="document.title=1">';
  const perUser = new KeyedSemaphore(() => new Semaphore(1, { queueLimit: 0 }));
  const held = [await perUser.acquire(hostile), await perUser.acquire('\u202egnp.exe"\n\0</script>')];
  await using shown = await openDashboard(browser(), { [hostile]: perUser });
  const { page } = shown;
  await page.getByRole('heading', { name: hostile }).waitFor();
  const row = page.getByRole('row').filter({ hasText: hostile });
  expect(await row.last().getByRole('rowheader').innerText()).toBe(hostile);
  await page
    .getByRole('rowheader', { name: '\\u202egnp.exe"\\u000a\\u0000</script>', exact: true })
    .waitFor();
  expect(await page.locator('img').count()).toBe(0);
  await expect(perUser.acquire(hostile)).rejects.toThrow('the queue is full');
  await page
    .getByText(/^Rejecting/)
    .first()
    .waitFor();
  expect(await page.title()).toBe(`● ${hostile} rejecting`);
  for (const permit of held) permit.release();
  expect(shown.faults).toEqual([]);
});

it('says that the busiest keys of a keyed limiter are all full', async () => {
  const perUser = new KeyedSemaphore(() => new Semaphore(2));
  const permits = [await perUser.acquire('alice', { weight: 2 }), await perUser.acquire('bob')];
  await using shown = await openDashboard(browser(), { perUser });
  const card = shown.page.getByRole('region', { name: 'perUser' });
  await card.getByText('Free').waitFor();
  permits.push(await perUser.acquire('bob'));
  await card.getByText('Busiest keys all full').waitFor();
  for (const permit of permits) permit.release();
  await card.getByText('Free').waitFor();
});

it('compares the limit of a fleet with the permits of all its processes', async () => {
  const orders = new Semaphore(10);
  const stats = orders.stats.bind(orders);
  const fleet = { held: 9, waiting: 0, nodes: 3 };
  jest.spyOn(orders, 'stats').mockImplementation(() => ({ ...stats(), fleet }));
  const permit = await orders.acquire({ weight: 2 });
  await using shown = await openDashboard(browser(), { orders });
  await lineOf(shown.page, 'orders').getByText('9 of 10').waitFor();
  const card = await openCard(shown.page, 'orders');
  await panelOf(card, 'In use').getByText('of 10, fleet 9 in 3').waitFor();
  permit.release();
});

it('stops its stream while it is hidden or paused', async () => {
  const api = new Semaphore(1);
  await using shown = await openDashboard(browser(), { api });
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

describe('a page whose server', () => {
  const app = (permits: number) =>
    express().use('/limits', dashboard({ api: new Semaphore(permits) }, { authorize: () => true }));

  it('is gone says so, and reconnects', async () => {
    const server = await serve(app(3));
    await using opened = await openPage(browser(), `${server.url}/limits`);
    const inUse = lineOf(opened.page, 'api').getByRole('cell').first();
    await inUse.getByText('of 3').waitFor();

    await server[Symbol.asyncDispose]();
    await opened.page.getByRole('status').getByText('The server has been gone since').waitFor();
    const back = await serve(app(4), {}, server.port);
    await inUse.getByText('of 4').waitFor();
    await opened.page.getByText('Live').waitFor();
    // The browser itself reports a connection that was refused.
    expect(opened.faults.filter((fault) => !fault.includes('net::ERR_'))).toEqual([]);
    await back[Symbol.asyncDispose]();
  });

  it('is silent says that it is gone', async () => {
    const silent = express();
    silent.get('/limits/events', (_req, res) => {
      res.type('text/event-stream').write('data: {"at":0,"limiters":[]}\n\n');
    });
    silent.use('/limits', dashboard({}, { authorize: () => true }));
    await using server = await serve(silent);
    await using opened = await openPage(browser(), `${server.url}/limits`);
    await opened.page.getByText('Live').waitFor();
    await opened.page.getByText('There is no limiter.').waitFor();
    await opened.page.getByRole('status').getByText('The server has been gone since').waitFor();
    expect(opened.faults).toEqual([]);
  });

  it('renews its stream shows no gap', async () => {
    await using server = await serve(app(3));
    await using opened = await openPage(browser(), `${server.url}/limits`);
    await opened.page.getByText('Live').waitFor();
    await opened.page.evaluate(`
      window.states = new Set();
      const state = document.getElementById('feed');
      new MutationObserver(() => states.add(state.textContent)).observe(state, { childList: true });`);
    for (let stream = 0; stream < 2; stream++) {
      await opened.page.waitForResponse((response) => response.url().endsWith('/events'));
    }
    expect(await opened.page.evaluate('[...states]')).toEqual([]);
    expect(opened.faults).toEqual([]);
  });

  it('revokes the right to see it is told so within seconds', async () => {
    let isAllowed = true;
    const limited = express().use(dashboard({ api: new Semaphore(3) }, { authorize: () => isAllowed }));
    await using server = await serve(limited);
    await using opened = await openPage(browser(), server.url);
    await opened.page.getByText('Live').waitFor();
    isAllowed = false;
    await opened.page.getByText('You may no longer see this page.').waitFor();
    isAllowed = true;
    await opened.page.getByText('Live').waitFor();
  });

  it('asks for a password with basicAuth works, its stream too', async () => {
    const authorize = basicAuth('admin', 'secret');
    const limited = express().use(dashboard({ api: new Semaphore(3) }, { authorize }));
    await using server = await serve(limited);
    const httpCredentials = { username: 'admin', password: 'secret' };
    await using opened = await openPage(browser(), server.url, { httpCredentials });
    await lineOf(opened.page, 'api').getByText('0 of 3').waitFor();
    expect(opened.faults).toEqual([]);
  });
});

it('is not slowed down by 10,000 keys', async () => {
  const perUser = new KeyedSemaphore(() => new Semaphore(2, { queueLimit: 1 }));
  const permits = await Promise.all(Array.from({ length: 10_000 }, (_, n) => perUser.acquire(`user ${n}`)));
  await using shown = await openDashboard(browser(), { perUser });
  const { page } = shown;
  await page.getByText('The busiest of 10,000 keys').waitFor();
  expect(await page.locator('.keys').getByRole('row').count()).toBe(11);

  const devtools = await page.context().newCDPSession(page);
  // Processor time of the thread: another process on this machine does not count.
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const measure = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? fail('ScriptDuration');
  };
  const [script, began] = [await measure(), performance.now()];
  await page.waitForTimeout(4_000);
  const seconds = (performance.now() - began) / 1_000;
  const load = ((await measure()) - script) / seconds;
  expect(load).toBeLessThan(0.1);
  expect(load).toBeGreaterThan(0);
  for (const permit of permits) permit.release();
  perUser.close();
  expect(shown.faults).toEqual([]);
});

function textsOf(panel: Locator): Promise<string[]> {
  return panel.locator('.figure span').allInnerTexts();
}

/** The content of a canvas and its number of colours. Two colours are a grid without a curve. */
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

/** A headless page is always visible, so the test overrides the property. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { get: () => ${isHidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));`);
}

function fail(what: string): never {
  throw new Error(`no ${what}`);
}
