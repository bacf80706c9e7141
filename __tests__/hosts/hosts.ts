/** The hosts that the tests run. */
import { isInstalled } from '../helpers/requirements';

export interface Host {
  /** Its heading in the guide. */
  readonly name: string;
  /** The module beside this one that mounts `limit` on it. */
  readonly file: string;
  readonly isHttp2: boolean;
  /** True when it needs Node 22 and a package of newer-node/. */
  readonly isNewer: boolean;
}

/** In the order of the guide. */
export const HOSTS: readonly Host[] = [
  host('Express 5', 'express-5'),
  host('Express 4', 'express-4'),
  host('Connect', 'connect'),
  host('Polka', 'polka'),
  host('NestJS on Express', 'nest-11'),
  host('NestJS on Express', 'newer-node/nest-12', { isNewer: true }),
  host('Fastify', 'fastify'),
  host('Koa', 'koa'),
  host('Restify', 'newer-node/restify', { isNewer: true }),
  host('node:http', 'node-http'),
  host('node:http2', 'http2', { isHttp2: true }),
];

const isNode22 = Number.parseInt(process.versions.node) >= 22;

/** Whether the hosts run here that need Node 22. */
export const NEWER_HOSTS_RUN = isNode22 && isInstalled('newer-hosts');

/** What is missing for the newer hosts, as the report names it. */
export const MISSING = isNode22 ? 'newer-hosts' : 'node-22';

function host(name: string, file: string, { isHttp2 = false, isNewer = false } = {}): Host {
  return { name, file, isHttp2, isNewer };
}
