import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a document's own server answers: the status and the body. */
export async function call(
  server: Server,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<string> {
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://localhost:${port}${path}`, {
    method,
    // A connection kept alive would hold up the end of the program.
    headers: { ...headers, connection: 'close' },
  });
  return `${answer.status} ${await answer.text()}`;
}
