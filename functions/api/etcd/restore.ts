import type { Context } from 'hono';
import { TrimmedError, CorruptLogError, FutureRevisionError, RequestTooLargeError } from '../../../core/keyspace/errors.ts';
import { EtcdError, CODE } from '../../../core/etcd/errors.ts';
import type { KeyspaceService } from '../../../core/etcd/keyspace-service.ts';
import { RESTORE_BYTES_MAX } from '../../../core/etcd/restore.ts';
import type { ApiEnv } from '../../context.ts';

/**
 * POST /restore, with a snapshot as body, or `?sequence=` of a commit of the log, or both (docs/etcd-snapshot.md). Not etcd's, which
 * restores only servers that don't run.
 */
export async function serveRestore(c: Context<ApiEnv>, service: KeyspaceService): Promise<Response> {
  const wanted = c.req.query('sequence');
  if (wanted !== undefined && !/^\d{1,15}$/.test(wanted)) throw refused('sequence must be a whole number');
  const { body } = c.req.raw;
  const file = body ? await unlessEmpty(bounded(body)) : undefined;
  if (!file && wanted === undefined) throw refused('send a snapshot as the body, or say ?sequence=');
  try {
    const restored = await service.restore({ file, sequence: wanted === undefined ? undefined : Number(wanted) });
    return c.json({ revision: String(restored.revision), keys: restored.keys, before: restored.before });
  } catch (error) {
    if (error instanceof TrimmedError)
      throw refused('the log does not go back that far: send a snapshot of before with it', CODE.outOfRange);
    if (error instanceof FutureRevisionError) throw refused('there was no such commit yet', CODE.outOfRange);
    if (error instanceof CorruptLogError) throw refused(error.message);
    if (error instanceof RequestTooLargeError) throw EtcdError.of('requestTooLarge');
    throw error;
  }
}

async function unlessEmpty(chunks: AsyncGenerator<Uint8Array>): Promise<AsyncGenerator<Uint8Array> | undefined> {
  const first = await chunks.next();
  if (first.done) return undefined;
  return (async function* () {
    yield first.value;
    yield* chunks;
  })();
}

async function* bounded(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes += value.length;
    if (bytes > RESTORE_BYTES_MAX) throw EtcdError.of('requestTooLarge');
    if (value.length > 0) yield value;
  }
}

function refused(message: string, code: (typeof CODE)[keyof typeof CODE] = CODE.invalidArgument): EtcdError {
  return new EtcdError(code, message);
}
