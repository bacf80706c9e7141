// A bounded number of browser pages, as a screenshot service with Puppeteer needs. It uses Playwright and a Chromium
// that is installed at CHROMIUM. A page uses much memory, so few may be open at once.
import express from 'express';
import type { Request, Response } from 'express';
import { limitHandler, Semaphore } from 'express-semaphore';
import { chromium } from 'playwright-core';
import { listen } from './listen.js';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
const pages = new Semaphore(2, { name: 'pages', queueLimit: 10 });

/** limitHandler holds the permit until the page is closed, even if the client leaves before. */
async function takeScreenshot(req: Request, res: Response): Promise<void> {
  const page = await browser.newPage();
  try {
    const { title } = req.query;
    await page.setContent(`<h1>${typeof title === 'string' ? escapeHtml(title) : 'untitled'}</h1>`);
    res.type('png').send(await page.screenshot());
  } finally {
    await page.close();
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const app = express();
app.get('/screenshot', limitHandler(pages, takeScreenshot, { maxWaitMs: 30_000 }));
const server = listen(app);

async function stop(): Promise<void> {
  server.close();
  pages.close();
  await pages.idle();
  await browser.close();
}

process.once('SIGTERM', () => void stop());
