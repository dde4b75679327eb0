import * as zlib from 'node:zlib';

type Crc32 = (bytes: Uint8Array, before?: number) => number;

/** CRC-32 as in gzip (RFC 1952, 8.1); `before`: of the bytes before these. Node has it from 20.15 on. */
export const crc32: Crc32 = (zlib as { crc32?: Crc32 }).crc32 ?? slowCrc32;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function slowCrc32(bytes: Uint8Array, before = 0): number {
  let value = ~before;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
