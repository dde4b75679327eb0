import type { Io } from '../io.ts';
import { decode } from './keys.ts';
import type { Answer } from './gateway.ts';

const NEW_LINE = Buffer.from('\n');

export interface KeyValueJson {
  readonly key?: string;
  readonly value?: string;
}

/** As etcdctl's simple output: the key on one line, its value on the next, byte for byte. */
export async function printKeyValue(io: Io, kv: KeyValueJson, { keyToo = true, valueToo = true } = {}): Promise<void> {
  if (keyToo) await io.out.write(Buffer.concat([decode(kv.key), NEW_LINE]));
  if (valueToo) await io.out.write(Buffer.concat([decode(kv.value), NEW_LINE]));
}

/** Lease ids are hexadecimal everywhere in etcd's tools. */
export function leaseText(id: string | number | undefined): string {
  return BigInt(id ?? 0)
    .toString(16)
    .padStart(16, '0');
}

/** The answer as the gateway gave it. */
export async function printAnswer(io: Io, answer: Answer): Promise<void> {
  await io.out.write(`${JSON.stringify(answer)}\n`);
}
