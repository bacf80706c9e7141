/** Real pages in Chromium. */
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { findCommandOrExit } from './requirements';

/** Starts the installed Chromium, with its own network calls switched off. The caller closes it. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findCommandOrExit('chromium'),
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** Starts a browser before the tests of a file and closes it after them. */
export function browserOfTests(): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  return () => {
    if (browser === undefined) throw new Error('the browser has not started yet');
    return browser;
  };
}

/** A page, and its faults. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Console errors, thrown errors, and requests to another origin. */
  readonly faults: string[];
}

/** Opens a page that is closed at the end of its scope. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1_200, height: 900 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  const { origin } = new URL(url);
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`error: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`));
  page.on('request', (request) => {
    const target = request.url();
    if (!target.startsWith(`${origin}/`) && !target.startsWith('data:')) faults.push(`request: ${target}`);
  });
  page.setDefaultTimeout(60_000);
  await page.goto(url);
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}
