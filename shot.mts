import { chromium } from 'playwright-core';
const wait = Number(process.argv[2] ?? 8);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--headless',
    '--disable-gpu',
    '--disable-background-networking',
    '--no-first-run',
    '--disable-component-update',
    '--disable-sync',
  ],
});
for (const [name, opts] of Object.entries({
  light: { viewport: { width: 1200, height: 1000 }, colorScheme: 'light' },
  dark: { viewport: { width: 1200, height: 1000 }, colorScheme: 'dark' },
  phone: {
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    colorScheme: 'light',
    isMobile: true,
  },
} as const)) {
  const page = await browser.newPage(opts as any);
  page.on('console', (m) => console.log(name, m.type(), m.text()));
  page.on('pageerror', (e) => console.log(name, 'ERR', e));
  await page.goto('http://127.0.0.1:3100/limits');
  await page.waitForTimeout(wait * 1000);
  await page.screenshot({ path: `/tmp/dash/${name}.png`, fullPage: name === 'phone' });
}
await browser.close();
