import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import type { ClientHttp2Session, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP/2 server with a client of it. Both stop at the end of their scope. */
export interface Http2Pair extends AsyncDisposable {
  readonly client: ClientHttp2Session;
}

/** Serves by Node's compatibility API, which has the members of HTTP/1.1 but not its types. */
export async function serveHttp2(
  listener: (req: IncomingMessage, res: ServerResponse & Http2ServerResponse) => void,
): Promise<Http2Pair> {
  const server = createServer((req: Http2ServerRequest, res: Http2ServerResponse) => {
    listener(req as never, res as never);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
