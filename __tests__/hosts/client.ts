import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect, constants } from 'node:http2';
import { text } from 'node:stream/consumers';

/** The response. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** A request under way, on a connection of its own. */
export interface Exchange {
  /** Rejects if there is none. */
  readonly answer: Promise<Answer>;
  /** Gives up at once, by a reset. */
  leave(): void;
}

export function send(port: number, path: string, isHttp2: boolean): Exchange {
  const exchange = isHttp2 ? sendHttp2(port, path) : sendHttp1(port, path);
  // A client that leaves does not read it.
  exchange.answer.catch(() => undefined);
  return exchange;
}

function sendHttp1(port: number, path: string): Exchange {
  const sent = request({ port, path, host: '127.0.0.1', agent: false }).end();
  return { answer: receive(), leave: () => sent.socket?.resetAndDestroy() };

  async function receive(): Promise<Answer> {
    const [message] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: message.statusCode ?? 0, headers: message.headers, body: await text(message) };
  }
}

function sendHttp2(port: number, path: string): Exchange {
  const session = connect(`http://127.0.0.1:${port}`);
  const sent = session.request({ ':path': path });
  sent.once('close', () => {
    session.close();
  });
  return {
    answer: receive(),
    leave: () => {
      sent.close(constants.NGHTTP2_CANCEL);
    },
  };

  async function receive(): Promise<Answer> {
    const [headers] = (await once(sent, 'response')) as [Answer['headers']];
    return { status: Number(headers[':status']), headers, body: await text(sent) };
  }
}
