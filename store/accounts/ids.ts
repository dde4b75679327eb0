import { randomBytes, randomInt } from 'node:crypto';

const SLUG = 'abcdefghijklmnopqrstuvwxyz0123456789';
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Random, lower case, starts with a letter (so it may be a DNS label): 12 characters are 61 bits. */
export function newId(length = 12): string {
  let id = SLUG[randomInt(26)]!;
  while (id.length < length) id += SLUG[randomInt(SLUG.length)];
  return id;
}

/** 26 characters that sort by time (https://github.com/ulid/spec). */
export function newUlid(now: number): string {
  let time = '';
  for (let rest = now, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = CROCKFORD[rest % 32] + time;
  return time + Array.from(randomBytes(16), (byte) => CROCKFORD[byte % 32]).join('');
}
