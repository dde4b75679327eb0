import type { Context } from 'hono';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { ReadView } from '../../core/keyspace/types.ts';
import type { Payloads } from '../../core/ports/payloads.ts';
import { getResource } from '../../core/resources/write.ts';
import { parseTicket } from '../../core/updates/payload-ticket.ts';
import { tell, toldLately, warning } from '../../core/updates/tell.ts';
import type { UpdatesDeps } from './deps.ts';

/** Payloads that lie with us, and the key of the tickets in their URLs. */
export interface PayloadDeps {
  readonly payloads: Payloads;
  readonly ticketKey: Uint8Array;
}

const GONE = () =>
  new TerraneError('not_found', 'There is no such file, or the URL is over.', {
    fix: 'Ask for the update again: its answer has a URL that is good for a day.',
  });

/** So often a package is told that hosts look for a file of it that isn't there, ms. */
const TOLD_EVERY_MS = 600_000;

/**
 * GET and HEAD of a file by the signed URL that an answer to a check named. Hosted it leads on to S3. A channel may have been given a package
 * before its files were uploaded (`terrane update channel promote` refuses that, kubectl can't): then an Event on the package says so.
 */
export async function servePayload(
  c: Context,
  deps: PayloadDeps & Pick<UpdatesDeps, 'keyspaces' | 'clock' | 'newUid'>,
): Promise<Response> {
  const ticket = parseTicket(c.req.param('ticket') ?? '', deps.ticketKey, deps.clock.now());
  if (!ticket) throw GONE();
  const { tenant, cluster } = ticket;
  const registry = await deps.keyspaces.open(tenant, cluster, 'registry');
  const view = await registry.sync();
  const found = getResource(view, 'UpdatePackage', '', ticket.package);
  const file = found?.spec.url === undefined ? found?.spec.files.find(({ name }) => name === c.req.param('file')) : undefined;
  const payload = file && { tenant, cluster, sha256: file.sha256, size: file.size };
  const open = payload && (await deps.payloads.open(payload));
  if (!payload) throw GONE();
  if (!open) {
    const missing = warning(
      'FileMissing',
      `hosts are given this package, and its file ${file.name} was not uploaded: terrane update package upload ${ticket.package}`,
    );
    const ctx = { now: deps.clock.now(), newUid: () => deps.newUid() };
    const due = (state: ReadView) => !toldLately(state, found!, missing, ctx.now, TOLD_EVERY_MS);
    // Hosts come at the same time: the second look is at what the others have told meanwhile.
    if (due(view)) await registry.transact((txn) => void (due(txn) && tell(txn, found!, missing, ctx)));
    throw new TerraneError('not_found', `The file ${file.name} of the package ${ticket.package} was not uploaded.`, {
      fix: `Upload it: terrane update package upload ${ticket.package} FILE --release ${found!.spec.version}`,
    });
  }
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
