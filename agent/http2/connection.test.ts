import { Duplex } from 'node:stream';
import { expect, test } from '@jest/globals';
import { Connection } from './connection.ts';
import { headerBlock } from './hpack/encode.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { FLAG, FRAME, PREFACE } from './protocol.ts';

function frame(type: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(id, 5);
  return Buffer.concat([header, payload]);
}

test('once a connection has ended, what came with the same bytes opens no stream', () => {
  const { bytes } = headerBlock([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'x'],
  ]);
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const total = { streams: 0 };
  let opened = 0;
  const connection = new Connection({
    socket,
    limits: DEFAULT_LIMITS,
    onStream() {
      opened++;
      connection.destroy();
    },
    onClose() {},
    schedule: () => {},
    now: () => 0,
    total,
  });
  const headers = (id: number) => frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, bytes);
  socket.emit('data', Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0), headers(1), headers(3)]));
  expect({ opened, total }).toEqual({ opened: 1, total: { streams: 0 } });
});
