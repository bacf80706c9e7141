import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe } from '../internal/validate.js';

/** The page as the build leaves it: one document, with its style and its script inside. */
interface BuiltPage {
  readonly html: string;
  /** Hashes by which the policy knows the style and the script, as in `sha256-…`. */
  readonly style: string;
  readonly script: string;
}

/** Answers with the page. */
export function answerPage(req: IncomingMessage, res: ServerResponse): void {
  const { html, style, script } = builtPage();
  res.writeHead(200, {
    ...COMMON,
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(html),
    'Content-Security-Policy': [
      "default-src 'none'",
      `style-src '${style}'`,
      `script-src '${script}'`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'X-Frame-Options': 'DENY',
    'Cross-Origin-Opener-Policy': 'same-origin',
  });
  res.end(req.method === 'HEAD' ? undefined : html);
}

/** Answers with a status and a sentence. */
export function answerText(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, {
    ...COMMON,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  res.end(text);
}

/** Answers that a request was done as asked. */
export function answerDone(res: ServerResponse): void {
  res.writeHead(204, COMMON);
  res.end();
}

const COMMON = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Asked for only when somebody opens the page. Of the sources and of the build the way there is the same. */
function builtPage(): BuiltPage {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- made by the build, after the compiler has run
    return require('../../dist/dashboard/page.js') as BuiltPage;
  } catch (error) {
    throw new Error(`the page is not built, run npm run build: ${describe(String(error))}`, { cause: error });
  }
}
