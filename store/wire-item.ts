import type { Item } from './log-items.ts';

/** An item in DynamoDB's JSON: as the SDK has it, but bytes are base64. Only attributes of one level: strings, numbers, booleans, bytes. */
export type WireItem = Record<string, Record<string, unknown>>;

export function toWire(item: Item): WireItem {
  const wire: WireItem = {};
  for (const [name, attribute] of Object.entries(item)) {
    const bytes = attribute.B;
    wire[name] = bytes
      ? { B: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') }
      : (attribute as unknown as WireItem[string]);
  }
  return wire;
}

export function fromWire(wire: WireItem): Item {
  const item: Item = {};
  for (const [name, attribute] of Object.entries(wire)) {
    const base64 = attribute['B'];
    item[name] = (typeof base64 === 'string' ? { B: bytesOf(base64) } : attribute) as unknown as Item[string];
  }
  return item;
}

/** Plain bytes in memory of their own, not a part of Node's shared pool, which they would keep. */
function bytesOf(base64: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.byteLength(base64, 'base64'));
  Buffer.from(bytes.buffer).write(base64, 'base64');
  return bytes;
}
