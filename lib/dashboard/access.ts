import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { requireString } from '../internal/validate.js';

/** Decides whether the sender of a request may see the dashboard. */
export type Authorize<Req, Res> = (req: Req, res: Res) => boolean | PromiseLike<boolean>;

/**
 * The `authorize` of a dashboard without one: `NODE_ENV` is `development`, and the `Host` header names this machine.
 *
 * The check of `Host` stops a page elsewhere whose own name resolves to 127.0.0.1 (DNS rebinding).
 */
export function isLocalDevelopment({ headers: { host = '' } }: IncomingMessage): boolean {
  return process.env['NODE_ENV'] === 'development' && LOOPBACK_HOST.test(host);
}

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Makes an `authorize` of HTTP basic authentication: the browser prompts for the user name and the password.
 *
 * Nobody gets in while `password` is `undefined` or empty. The comparison takes the same time wherever the texts differ.
 * Serve the dashboard over HTTPS: basic authentication sends the password with each request.
 *
 * @param user - The user name.
 * @param password - The password. While it is `undefined` or empty, nobody may see the page.
 *
 * @throws `TypeError` if `user` is not a string or `password` is neither a string nor `undefined`.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { Semaphore } from 'express-semaphore';
 * import { basicAuth, dashboard } from 'express-semaphore/dashboard';
 *
 * const api = new Semaphore(100);
 * const authorize = basicAuth('admin', process.env.DASHBOARD_PASSWORD);
 * express().use('/limits', dashboard({ api }, { authorize }));
 * ```
 */
export function basicAuth(
  user: string,
  password: string | undefined,
): (req: IncomingMessage, res: ServerResponse) => boolean {
  requireString('user', user);
  if (password === undefined || password === '') return () => false;
  requireString('password', password);
  const expected = digestOf(Buffer.from(`${user}:${password}`).toString('base64'));

  return function checkPassword({ headers: { authorization = '' } }, res) {
    const [, given = ''] = /^basic +(\S+)$/i.exec(authorization) ?? [];
    if (timingSafeEqual(digestOf(given), expected)) return true;
    res.setHeader('WWW-Authenticate', 'Basic realm="limits", charset="UTF-8"');
    return false;
  };
}

/** `timingSafeEqual` needs two buffers of one length. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
