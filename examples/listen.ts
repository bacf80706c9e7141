// What the examples share: they listen on PORT, or on 3000. In your app, `app.listen(3000)` does it.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Says where the app listens, or in one line that the port is in use. */
export function listen(app: { listen(port: number): Server }): Server {
  const port = Number(process.env.PORT ?? 3000);
  const server = app.listen(port);
  server.once('listening', () => {
    console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
  });
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    console.error(`Port ${port} is in use. Choose another: PORT=${port + 1}`);
    process.exit(1);
  });
  return server;
}
