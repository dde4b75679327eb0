import { randomBytes, randomInt } from 'node:crypto';

const SLUG = 'abcdefghijklmnopqrstuvwxyz0123456789';
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Random, lower case, starts with a letter (so it may be a DNS label): 12 characters are 61 bits. */
export function newId(length = 12): string {
  let id = SLUG[randomInt(26)]!;
  while (id.length < length) id += SLUG[randomInt(SLUG.length)];
  return id;
}

/**
 * 26 characters that sort by time (https://github.com/ulid/spec). Those of one source and one millisecond sort in the order
 * they were made.
 */
export function ulidSource(): (now: number) => string {
  let last = { now: -1, random: 0n };
  return (now) => {
    const random = last.now === now ? last.random + 1n : BigInt(`0x${randomBytes(10).toString('hex')}`) >> 1n;
    last = { now, random };
    return base32(BigInt(now), 10) + base32(random, 16);
  };
}

/** What an id made at this time begins with: smaller than all of them, greater than all before. */
export function ulidTime(at: number): string {
  return base32(BigInt(Math.max(0, Math.min(at, TIME_MAX))), 10);
}

/** 48 bits, ms. */
const TIME_MAX = 2 ** 48 - 1;

function base32(value: bigint, digits: number): string {
  let text = '';
  for (let rest = value; text.length < digits; rest >>= 5n) text = CROCKFORD[Number(rest & 31n)] + text;
  return text;
}
