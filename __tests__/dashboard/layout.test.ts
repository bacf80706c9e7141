import { readFileSync } from 'node:fs';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { browserOfTests } from '../helpers/browser';
import { withBrowser } from '../helpers/needs';
import { until } from '../helpers/serve';
import { lineOf, openBusyDashboard, openCard } from './open-dashboard';

const { it, describe } = withBrowser;
const browser = browserOfTests();

const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true,
};

describe.each<[string, BrowserContextOptions]>([
  ['at 1280', { viewport: { width: 1_280, height: 800 } }],
  ['at 390', PHONE],
])('%s', (_where, context) => {
  it('shows the one of 40 limiters that rejects within the first 300 pixels', async () => {
    await using shown = await openBusyDashboard(browser(), context, { free: 36 });
    const lines = shown.page.getByRole('table', { name: 'All limiters' }).locator('tbody tr');
    await until(async () => (await lines.first().innerText()).includes('Rejecting'));
    const box = await lines.first().boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(300);
    expect(await lines.count()).toBe(40);
    const conditions = await lines.evaluateAll((rows) =>
      rows.map((row) => (row as unknown as { dataset: { condition: string } }).dataset.condition),
    );
    expect(conditions.slice(0, 5)).toEqual(['rejecting', 'queueing', 'queueing', 'full', 'free']);
  });

  it('moves nothing while it updates', async () => {
    await using shown = await openBusyDashboard(browser(), context, { free: 36 });
    const { page, free } = shown;
    await page.evaluate(`
      window.moved = [];
      new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries()) {
          moved.push(value + ' ' + sources.map(({ node }) => node?.outerHTML ?? node?.nodeName).join());
        }
      }).observe({ type: 'layout-shift' });`);
    const [, , , third, , , , seventh] = free;
    const permit = await third?.acquire({ weight: 5 });
    await lineOf(page, 'free 3').getByText('At its limit').waitFor();
    permit?.release();
    seventh?.close();
    void seventh?.acquire().catch(() => undefined);
    await lineOf(page, 'free 7').getByText('the limiter is closed').waitFor();
    await page.waitForTimeout(3_000);
    expect(await page.evaluate('moved')).toEqual([]);
  });

  it('does not scroll sideways', async () => {
    await using shown = await openBusyDashboard(browser(), context);
    expect(await shown.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
  });
});

it.each<[string, BrowserContextOptions]>([
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['on a phone', PHONE],
])('gives axe-core nothing to report: %s', async (_how, context) => {
  await using shown = await openBusyDashboard(browser(), context);
  const { page } = shown;
  for (const name of ['rejecting', 'perUser']) await openCard(page, name);
  await page.getByRole('rowheader', { name: 'alice' }).waitFor();
  await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  expect(await violationsOf(page)).toEqual([]);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('body[data-feed="paused"]').waitFor();
  expect(await violationsOf(page)).toEqual([]);
  expect(shown.faults).toEqual([]);
});

it('opens the cards of busy limiters and leaves the others closed', async () => {
  await using shown = await openBusyDashboard(browser(), {}, { free: 36 });
  const isOpen = async (name: string) =>
    (await shown.page.getByRole('region', { name, exact: true }).locator('details').getAttribute('open')) !==
    null;
  await until(() => isOpen('rejecting'));
  expect(await isOpen('queueing')).toBe(true);
  expect(await isOpen('free 5')).toBe(false);
  // A closed card draws nothing.
  expect(await shown.page.getByRole('region', { name: 'free 5' }).locator('canvas').count()).toBe(0);
});

it('filters by name, and keeps the filter in the address', async () => {
  await using shown = await openBusyDashboard(browser(), {}, { free: 36 });
  const { page } = shown;
  await page.getByRole('searchbox', { name: 'Filter by name' }).fill('FREE 1');
  const lines = page.getByRole('table', { name: 'All limiters' }).locator('tbody tr');
  await until(async () => (await lines.count()) === 11);
  expect(page.url()).toMatch(/#filter=FREE\+1$/);
  await page.getByRole('combobox', { name: 'Time shown' }).selectOption('15 min');
  await page.reload();
  await until(async () => (await lines.count()) === 11);
  expect(await page.getByRole('combobox', { name: 'Time shown' }).inputValue()).toBe('15');
  await page.getByRole('searchbox', { name: 'Filter by name' }).fill('none such');
  await page.getByText('No limiter has a name like this.').waitFor();
});

it('can be used with the keyboard alone', async () => {
  await using shown = await openBusyDashboard(browser(), {}, { free: 36 });
  const { page } = shown;
  await page.getByText('Live').waitFor();
  const focused = () => page.evaluate('document.activeElement.textContent');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Pause');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('rejecting');
  await page.keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.localName')).toBe('summary');
  expect(await focused()).toMatch(/^rejecting/);
  await page.keyboard.press('Enter');
  const card = page.getByRole('region', { name: 'rejecting' });
  expect(await card.locator('details').getAttribute('open')).toBeNull();
  expect(shown.faults).toEqual([]);
});

it('draws every plot before it prints', async () => {
  await using shown = await openBusyDashboard(browser(), { viewport: { width: 1_200, height: 200 } });
  const { page } = shown;
  const card = await openCard(page, 'rejecting');
  await page.evaluate('scrollTo(0, 0)');
  const canvas = card.locator('canvas').first();
  const url = () => canvas.evaluate((drawn) => (drawn as unknown as { toDataURL(): string }).toDataURL());
  const before = await url();
  await page.waitForTimeout(1_500);
  expect(await url()).toBe(before);
  await page.evaluate(`dispatchEvent(new Event('beforeprint'))`);
  await until(async () => (await url()) !== before);
});

/** What axe-core, once it is in the page, finds there. */
function violationsOf(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0]?.html ?? ''}`);
  });
}
