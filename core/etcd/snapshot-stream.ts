import type { OpenKeyspace } from '../keyspace/open.ts';
import { etcdErrorOf } from './errors.ts';
import type { SnapshotChunk } from './service.ts';
import { encodeSnapshotFile } from './snapshot-format.ts';

/** Maintenance.Snapshot. `admit` throws EtcdError if the caller may not. */
export async function* snapshotStream(keyspace: OpenKeyspace, admit: () => void): AsyncGenerator<SnapshotChunk> {
  try {
    await keyspace.sync();
    admit();
    const { sequence, bytes, chunks } = keyspace.copy();
    let sent = 0;
    let before: Uint8Array | undefined;
    // One behind, so that only the last says that nothing remains.
    for (const blob of encodeSnapshotFile(sequence, chunks)) {
      if (before) {
        sent += before.length;
        yield { blob: before, remainingBytes: Math.max(bytes - sent, blob.length) };
      }
      before = blob;
    }
    if (before) yield { blob: before, remainingBytes: 0 };
  } catch (error) {
    throw etcdErrorOf(error) ?? error;
  }
}
