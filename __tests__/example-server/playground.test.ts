import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Page } from 'playwright-core';
import { startServer } from '../../example-server/start-server';
import type { ServerProcess } from '../../example-server/start-server';
import { browserOfTests, openPage } from '../helpers/browser';
import { withBrowser } from '../helpers/needs';
import { defer, until } from '../helpers/serve';

const { it } = withBrowser;

const browser = browserOfTests();
let server: ServerProcess;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.stop('SIGKILL');
});

it('shows how an unbounded queue fails under overload, and how the expected wait keeps requests in time', async () => {
  await using opened = await openPage(browser(), `${server.url}/playground/`);
  const { page } = opened;
  await page.getByRole('switch', { name: 'Send requests' }).check();
  await readingIs(page, 'served', ([served, sent]) => served > 20 && served > sent / 2);

  await page.getByRole('button', { name: 'Double the service time' }).click();
  await readingIs(page, 'gaveUp', ([gaveUp]) => gaveUp > 20);
  await readingIs(page, 'served', ([served, sent]) => served < sent / 2);

  await page.getByLabel('Limiter').selectOption('expected wait');
  const dashboard = page.frameLocator('iframe');
  const card = dashboard.getByRole('region', { name: 'playground', exact: true });
  await card.getByText(/^Rejecting .*: the expected wait is too long$/).waitFor();
  await readingIs(page, 'served', ([served, sent]) => served > 20 && served > sent / 2);
  await readingIs(page, 'gaveUp', ([gaveUp]) => gaveUp < 10);
  expect(opened.faults).toEqual([]);
});

it('is off by default. Its generator ends when it is switched off and when its server is killed', async () => {
  await using opened = await openPage(browser(), `${server.url}/playground/`);
  const load = opened.page.getByRole('switch', { name: 'Send requests' });
  await load.waitFor();
  expect(await load.isChecked()).toBe(false);
  expect(childrenOf(server)).toEqual([]);

  await load.check();
  await until(() => childrenOf(server).length === 1);
  await load.uncheck();
  await until(() => childrenOf(server).length === 0);

  await load.check();
  await until(() => childrenOf(server).length === 1);
  const [generator = 0] = childrenOf(server);
  expect(isAlive(generator)).toBe(true);
  await server.stop('SIGKILL');
  await until(() => !isAlive(generator));
});

it('stops with the server, under load and with its page open', async () => {
  await using opened = await openPage(browser(), `${server.url}/playground/`);
  await opened.page.getByRole('switch', { name: 'Send requests' }).check();
  await readingIs(opened.page, 'served', ([served]) => served > 0);
  const [generator = 0] = childrenOf(server);
  expect(await server.stop()).toBe(0);
  expect(isAlive(generator)).toBe(false);
  await opened.page.getByRole('status').getByText('The server is gone').waitFor();
});

it('keeps a click that a state on its way does not know of yet', async () => {
  await using opened = await openPage(browser(), `${server.url}/playground/`);
  const { page } = opened;
  const load = page.getByRole('switch', { name: 'Send requests' });
  await page.getByText('60/s').waitFor();
  // This state was read before the click, and arrives after it.
  const delivery = defer();
  const isHeld = new Promise<void>((resolve) => {
    void page.route('**/state', async (route) => {
      if (route.request().method() !== 'GET') return route.continue();
      const response = await route.fetch();
      resolve();
      await delivery.promise;
      return route.fulfill({ response });
    });
  });
  await isHeld;
  const answered = page.waitForResponse((response) => response.request().method() === 'PUT');
  await load.check();
  await answered;
  await page.evaluate(`
    window.states = [];
    const input = document.getElementById('isOn');
    const { get, set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'checked');
    Object.defineProperty(input, 'checked', {
      get() { return get.call(this); },
      set(value) { window.states.push(value); set.call(this, value); },
    });`);
  const delivered = page.waitForResponse((response) => response.request().method() === 'GET');
  delivery.resolve();
  await delivered;
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await readingIs(page, 'served', ([served]) => served > 0);
  expect(await page.evaluate('window.states.includes(false)')).toBe(false);
});

it.each([
  ['a host elsewhere', { Host: 'evil.example' }],
  ['a page elsewhere', { Origin: 'http://evil.example' }],
])('takes no change from %s', async (_what, headers) => {
  const state = new URL('/playground/state', server.url);
  const sent = request(state, { method: 'PUT', headers: { ...headers, 'Content-Type': 'application/json' } });
  sent.end(JSON.stringify({ isOn: true }));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(403);
  expect(childrenOf(server)).toEqual([]);
});

it.each([
  [{ isOn: 'yes' }, 'isOn must be true or false'],
  [{ arrivals: 201 }, 'arrivals must be an integer from 5 to 200'],
  [{ serviceMs: 1.5 }, 'serviceMs must be an integer from 10 to 1000'],
  [{ kind: 'none' }, 'kind must be one of unbounded queue, bounded queue, expected wait, adaptive'],
  [{ order: 'random' }, 'order must be one of fifo, lifo, adaptive-lifo, priority, fair'],
])('rejects the change %j', async (change, title) => {
  const response = await fetch(`${server.url}/playground/state`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(change),
  });
  expect([response.status, await response.json()]).toEqual([400, { title }]);
});

/** Waits until the numbers of a reading are as `wanted`. */
async function readingIs(
  page: Page,
  id: 'served' | 'gaveUp',
  wanted: (numbers: [number, number]) => boolean,
): Promise<void> {
  const output = page.locator(`#${id}`);
  const giveUp = performance.now() + 120_000;
  for (;;) {
    const text = await output.innerText();
    const [first = 0, second = 0] = Array.from(text.matchAll(/\d+/g), Number);
    if (wanted([first, second])) return;
    if (performance.now() > giveUp) throw new Error(`${id} was never as wanted, last it was ${text}`);
    await page.waitForTimeout(100);
  }
}

function childrenOf({ child: { pid = 0 } }: ServerProcess): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

/** A process that has ended but was not waited for (a zombie) is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
