import type { Context } from 'hono';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Payloads } from '../../core/ports/payloads.ts';
import { getResource } from '../../core/resources/write.ts';
import { parseTicket } from '../../core/updates/payload-ticket.ts';

/** Payloads that lie with us, and the key of the tickets in their URLs. */
export interface PayloadDeps {
  readonly payloads: Payloads;
  readonly ticketKey: Uint8Array;
}

const GONE = () =>
  new TerraneError('not_found', 'There is no such file, or the URL is over.', {
    fix: 'Ask for the update again: its answer has a URL that is good for a day.',
  });

/** GET and HEAD of a file by the signed URL that an answer to a check named. Hosted it leads on to S3. */
export async function servePayload(c: Context, deps: PayloadDeps & { keyspaces: Keyspaces; clock: Clock }): Promise<Response> {
  const ticket = parseTicket(c.req.param('ticket') ?? '', deps.ticketKey, deps.clock.now());
  if (!ticket) throw GONE();
  const { tenant, cluster } = ticket;
  const registry = await deps.keyspaces.open(tenant, cluster, 'registry');
  const found = getResource(await registry.sync(), 'UpdatePackage', '', ticket.package);
  const file = found?.spec.url === undefined ? found?.spec.files.find(({ name }) => name === c.req.param('file')) : undefined;
  const payload = file && { tenant, cluster, sha256: file.sha256, size: file.size };
  const open = payload && (await deps.payloads.open(payload));
  if (!payload || !open) throw GONE();
  if (open.type === 'redirect') return c.redirect(open.url, 302);

  const etag = `"${payload.sha256}"`;
  const headers = { 'accept-ranges': 'bytes', 'content-type': 'application/octet-stream', etag, 'cache-control': 'private' };
  const ifRange = c.req.header('if-range');
  const range = ifRange === undefined || ifRange === etag ? rangeOf(c.req.header('range'), payload.size) : 'all';
  if (range === 'none') return c.body(null, 416, { ...headers, 'content-range': `bytes */${payload.size}` });
  const [from, to] = range === 'all' ? [0, payload.size - 1] : range;
  const length = { 'content-length': String(to - from + 1) };
  const body = c.req.method === 'HEAD' ? null : open.read(from, to);
  if (range === 'all') return new Response(body, { status: 200, headers: { ...headers, ...length } });
  const part = { ...headers, ...length, 'content-range': `bytes ${from}-${to}/${payload.size}` };
  return new Response(body, { status: 206, headers: part });
}

/** One range (RFC 9110, 14.2). Several at once, and what can't be read, are passed over: all is sent then. */
export function rangeOf(header: string | undefined, size: number): 'all' | 'none' | readonly [from: number, to: number] {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return 'all';
  if (first === '') return Number(last) === 0 ? 'none' : [Math.max(0, size - Number(last)), size - 1];
  const to = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < Number(first)) return 'all';
  return Number(first) >= size ? 'none' : [Number(first), to];
}
