import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { startServer } from '../../example-server/start-server';
import type { ServerProcess } from '../../example-server/start-server';
import { openBrowser, openPage } from '../helpers/browser';
import { withBrowser } from '../helpers/needs';
import { until } from '../helpers/serve';

const { it } = withBrowser;

let browser: Browser;
let server: ServerProcess;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
});

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.stop('SIGKILL');
});

it('shows what an overload does to an unbounded queue, and what a limiter does that expects the wait', async () => {
  await using opened = await openPage(browser, `${server.url}/limits`);
  const { page } = opened;
  await page.getByRole('switch', { name: 'Send requests' }).check();
  await readingIs(page, 'Served within a second', ([served, sent]) => served > 20 && served > sent / 2);

  await page.getByRole('button', { name: 'Double the service time' }).click();
  await readingIs(page, 'Gave up after a second', ([gaveUp]) => gaveUp > 20);
  await readingIs(page, 'Served within a second', ([served, sent]) => served < sent / 2);

  await page.getByLabel('Limiter').selectOption('expected wait');
  const card = page.getByRole('region', { name: 'playground' });
  await card.getByText(/^Refusing .*: the line is too long to be served in time$/).waitFor();
  await readingIs(page, 'Served within a second', ([served, sent]) => served > 20 && served > sent / 2);
  await readingIs(page, 'Gave up after a second', ([gaveUp]) => gaveUp < 10);
  expect(opened.faults).toEqual([]);
});

it('is off by default, and its generator ends when it is switched off and when its server is killed', async () => {
  await using opened = await openPage(browser, `${server.url}/limits`);
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
  await using opened = await openPage(browser, `${server.url}/limits`);
  await opened.page.getByRole('switch', { name: 'Send requests' }).check();
  await readingIs(opened.page, 'Served within a second', ([served]) => served > 0);
  const [generator = 0] = childrenOf(server);
  expect(await server.stop()).toBe(0);
  expect(isAlive(generator)).toBe(false);
  await opened.page.getByText('The server has been gone since').waitFor();
});

/** Waits until the numbers of a reading are as `wanted`. */
async function readingIs(
  page: Page,
  label: string,
  wanted: (numbers: [number, number]) => boolean,
): Promise<void> {
  const output = page.locator('label', { hasText: label }).locator('output');
  const giveUp = performance.now() + 20_000;
  for (;;) {
    const text = await output.innerText();
    const [first = 0, second = 0] = Array.from(text.matchAll(/\d+/g), Number);
    if (wanted([first, second])) return;
    if (performance.now() > giveUp) throw new Error(`${label} was never as wanted, last it was ${text}`);
    await page.waitForTimeout(100);
  }
}

function childrenOf({ child: { pid = 0 } }: ServerProcess): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

/** A process that has ended, but that nobody has asked for its end yet, is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
