import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PlainHttp } from '../../../store/plain-http.ts';

describe('requests straight on sockets', () => {
  let server: Server;
  let sockets: Socket[];
  let requests: string[];
  /** What the server does with a request. */
  let answer: (socket: Socket, body: string) => void;
  let http: PlainHttp;

  const withLength = (body: string, more = '') =>
    `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;
  const connect = (socketsMax: number, timeoutMs = 5_000) =>
    new PlainHttp({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, socketsMax, timeoutMs });

  beforeEach(async () => {
    sockets = [];
    requests = [];
    answer = (socket, body) => socket.write(withLength(`got ${body}`));
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk.toString();
        const [head, body] = received.split('\r\n\r\n') as [string, string?];
        const length = Number(/content-length: (\d+)/.exec(head)?.[1]);
        if (body === undefined || Buffer.byteLength(body) < length) return;
        requests.push(received);
        received = '';
        answer(socket, body);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    http = connect(4);
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('carry their headers and their body, and share a connection one after the other', async () => {
    expect(await http.post({ 'x-a': 'b' }, 'ä')).toEqual({ status: 200, body: 'got ä' });
    expect(await http.post({}, '2')).toEqual({ status: 200, body: 'got 2' });
    expect(requests[0]).toMatch(/^POST \/ HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\ncontent-length: 2\r\nx-a: b\r\n\r\nä$/);
    expect(sockets).toHaveLength(1);
  });

  test('use so many connections at once and no more, and all are answered', async () => {
    const bodies = Array.from({ length: 20 }, (_, n) => String(n));
    answer = (socket, body) => void setImmediate(() => socket.write(withLength(`got ${body}`)));
    const answers = await Promise.all(bodies.map((body) => http.post({}, body)));
    expect(answers.map(({ body }) => body)).toEqual(bodies.map((body) => `got ${body}`));
    expect(sockets).toHaveLength(4);
  });

  test('take answers in pieces, by length or in chunks', async () => {
    const inPieces = (text: string) => async (socket: Socket) => {
      for (const piece of text.match(/[\s\S]{1,9}/g)!) {
        socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const long = 'x'.repeat(300);
    answer = (socket) => void inPieces(withLength(long))(socket);
    expect(await http.post({}, '')).toEqual({ status: 200, body: long });
    const chunked =
      'HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\na;x=y\r\n, everyone\r\n0\r\n\r\n';
    answer = (socket) => void inPieces(chunked)(socket);
    expect(await http.post({}, '')).toEqual({ status: 400, body: 'hello, everyone' });
    expect(sockets).toHaveLength(1);
  });

  test('go on a new connection after the server closed one, be it announced or not', async () => {
    answer = (socket, body) => void socket.write(withLength(body, 'connection: close\r\n'), () => socket.end());
    expect((await http.post({}, '1')).body).toBe('1');
    expect((await http.post({}, '2')).body).toBe('2');
    answer = (socket) => socket.destroy();
    await expect(http.post({}, '3')).rejects.toThrow();
    answer = (socket, body) => socket.write(withLength(body));
    expect((await http.post({}, '4')).body).toBe('4');
    expect(requests).toHaveLength(4);
  });

  test('fail when there is no answer in time, or one that is none; those who wait are served all the same', async () => {
    const single = connect(1, 100);
    let silent = true;
    answer = (socket, body) => {
      if (silent) silent = false;
      else socket.write(withLength(body));
    };
    const [first, second] = await Promise.allSettled([single.post({}, '1'), single.post({}, '2')]);
    expect(first).toMatchObject({ status: 'rejected', reason: { message: '0.1 s have passed' } });
    expect(second).toMatchObject({ status: 'fulfilled', value: { body: '2' } });
    for (const nonsense of [
      'SSH-2.0-x\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
      `${withLength('a')}more`,
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
    ]) {
      answer = (socket) => socket.write(nonsense);
      await expect(http.post({}, '')).rejects.toThrow();
    }
  });

  test('fail when nobody listens', async () => {
    const gone = connect(1);
    server.close();
    await once(server, 'close');
    await expect(gone.post({}, '')).rejects.toThrow('ECONNREFUSED');
    await expect(gone.post({}, '')).rejects.toThrow('ECONNREFUSED');
  });
});
