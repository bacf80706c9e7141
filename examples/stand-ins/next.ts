// A stand-in for Next.js: a page that takes 100 ms to render, and static files. It needs no build. Real Next.js has the
// same three functions.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

type RequestHandler = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

interface NextServer {
  prepare(): Promise<void>;
  getRequestHandler(): RequestHandler;
}

let running = 0;
let most = 0;

export function next({ dev }: { readonly dev: boolean }): NextServer {
  const mode = dev ? 'development' : 'production';
  return {
    prepare: () => Promise.resolve(),
    getRequestHandler: () => async (req, res) => {
      if (req.url?.startsWith('/_next/static/')) {
        res.end(`most at once: ${most}`);
        return;
      }
      most = Math.max(most, ++running);
      await sleep(100);
      running--;
      res.setHeader('Content-Type', 'text/html');
      res.end(`<p>a page, in ${mode}</p>`);
    },
  };
}
