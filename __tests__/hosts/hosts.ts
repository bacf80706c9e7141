/** One that requests come in by. */
export interface Host {
  /** Its heading in the guide. */
  readonly name: string;
  /** The module beside this one that mounts `limit` on it. */
  readonly file: string;
  readonly isHttp2: boolean;
  /** The first major version of Node on which it runs. */
  readonly fromNode: number;
}

/** In the order of the guide. */
export const HOSTS: readonly Host[] = [
  host('Express 5', 'express-5'),
  host('Express 4', 'express-4'),
  host('Connect', 'connect'),
  host('Polka', 'polka'),
  host('NestJS on Express', 'nest'),
  host('Fastify', 'fastify'),
  host('Koa', 'koa'),
  host('Restify', 'restify', { fromNode: 22 }),
  host('node:http', 'node-http'),
  host('node:http2', 'http2', { isHttp2: true }),
];

/** Those that run on this Node. */
export const RUNNABLE_HOSTS = HOSTS.filter(
  ({ fromNode }) => Number.parseInt(process.versions.node) >= fromNode,
);

function host(name: string, file: string, { isHttp2 = false, fromNode = 0 } = {}): Host {
  return { name, file, isHttp2, fromNode };
}
