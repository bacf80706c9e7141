import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe } from '../internal/validate.js';

/** The module that scripts/build-page.mjs writes: one document with its style and its script inside. */
interface BuiltPage {
  readonly html: string;
  /** Hash of the style for the content security policy, as in `sha256-…`. */
  readonly style: string;
  /** Hash of the script, in the same form. */
  readonly script: string;
}

/** Answers with the page. */
export function answerPage(req: IncomingMessage, res: ServerResponse): void {
  const { html, style, script } = builtPage();
  answer(req, res, 200, html, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': [
      "default-src 'none'",
      `style-src '${style}'`,
      `script-src '${script}'`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      // The page changes nothing, so a page of the same origin may embed it.
      "frame-ancestors 'self'",
    ].join('; '),
    'X-Frame-Options': 'SAMEORIGIN',
    'Cross-Origin-Opener-Policy': 'same-origin',
  });
}

/** Answers with `value` as JSON. */
export function answerJson(req: IncomingMessage, res: ServerResponse, value: unknown): void {
  answer(req, res, 200, JSON.stringify(value), { 'Content-Type': 'application/json' });
}

/** Answers with a status and a sentence. */
export function answerText(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  answer(req, res, status, text, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' });
}

function answer(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>>,
): void {
  res.writeHead(status, {
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}

/** Loads the page when it is first opened. The relative path is the same from the sources and from the build. */
function builtPage(): BuiltPage {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the file exists only after the build
    return require('../../dist/dashboard/page.js') as BuiltPage;
  } catch (error) {
    throw new Error(`the page is not built, run npm run build: ${describe(String(error))}`, { cause: error });
  }
}
