import { FleetError } from './shapes.ts';

/** Lists come in pages, as in fleet: `nextPageToken` is the base64url of two little-endian uint16, the limit and the number of the page, from 1 on. */

const LIMIT = 100;
const BYTES = 4;

export interface Page<T> {
  readonly items: readonly T[];
  /** Undefined: it is the last one. */
  readonly next?: string;
}

/** `tokens`: every nextPageToken of the request. Throws FleetError 400. */
export function pageOf<T>(all: readonly T[], tokens: readonly string[]): Page<T> {
  const page = numberOf(tokens);
  const items = all.slice((page - 1) * LIMIT, page * LIMIT);
  return page * LIMIT < all.length ? { items, next: encode(page + 1) } : { items };
}

function numberOf(tokens: readonly string[]): number {
  if (tokens.length > 1) throw new FleetError(400, 'too many values for page token: give nextPageToken once');
  const [token] = tokens;
  if (token === undefined) return 1;
  const bytes = Buffer.from(token, 'base64url');
  if (!/^[A-Za-z0-9_=-]*$/.test(token) || bytes.length < BYTES)
    throw new FleetError(400, 'nextPageToken is none that was given out: leave it out to begin with the first page');
  if (bytes.readUInt16LE(0) !== LIMIT) throw new FleetError(400, `token limit must be ${LIMIT}`);
  const page = bytes.readUInt16LE(2);
  if (page === 0) throw new FleetError(400, 'token page must be greater than zero');
  return page;
}

function encode(page: number): string {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeUInt16LE(LIMIT, 0);
  bytes.writeUInt16LE(page, 2);
  // With padding, as Go writes it.
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
