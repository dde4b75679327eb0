import { headerBlock } from '../../../agent/http2/hpack/encode.ts';
import type { Http2Limits } from '../../../agent/http2/limits.ts';
import { type Http2Server, startHttp2Server } from '../../../agent/http2/server.ts';
import type { TransportStream } from '../../../agent/http2/transport.ts';

const OK = headerBlock([[':status', '200']]);
const END = headerBlock([['x-end', 'yes']]);

export interface EchoServer {
  readonly port: number;
  readonly server: Http2Server;
  readonly errors: Error[];
  readonly streams: TransportStream[];
  aborted: number;
  stop(): Promise<void>;
}

/**
 * Answers with what it was sent. `/hold`: answers nothing. `/large`: a million bytes. `/early`: answers before the request is whole.
 * `/greedy`: never says that it has taken what it got.
 */
export async function startEcho(limits: Partial<Http2Limits> = {}, connectionsMax = 1000): Promise<EchoServer> {
  const errors: Error[] = [];
  const streams: TransportStream[] = [];
  const echo = { aborted: 0 };
  const server = await startHttp2Server({
    listen: { host: '127.0.0.1', port: 0 },
    limits,
    connectionsMax,
    onError: (error) => errors.push(error),
    onStream(stream) {
      streams.push(stream);
      const chunks: Buffer[] = [];
      if (stream.path === '/early') {
        stream.sendHeaders(OK);
        return stream.sendTrailers(END);
      }
      stream.receiver = {
        data(bytes) {
          chunks.push(Buffer.from(bytes));
          if (stream.path !== '/greedy') stream.consumed(bytes.length);
        },
        end() {
          if (stream.path === '/hold') return;
          stream.sendHeaders(OK);
          if (stream.path === '/large') stream.sendData(Buffer.alloc(1_000_000, 'x'));
          for (const chunk of chunks) stream.sendData(chunk);
          stream.sendTrailers(END);
        },
        aborted() {
          echo.aborted++;
        },
      };
    },
  });
  const { port } = server.address as { port: number };
  return Object.assign(echo, { port, server, errors, streams, stop: () => server.close() });
}
