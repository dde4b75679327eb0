import { ENTRY_FORMAT } from '../../core/keyspace/entry.ts';
import { LogRefusedError, TrimmedError } from '../../core/keyspace/errors.ts';
import type { Log, StoredSnapshot, Tail } from '../../core/keyspace/log.ts';
import type { Sequence } from '../../core/keyspace/types.ts';
import { decodeSnapshotPage, decodeTail, type SnapshotPage } from '../../core/node/kv.ts';
import { UnreachableError } from './control-plane.ts';
import type { KvQuestions } from './questions.ts';

export interface RemoteLogOptions {
  readonly questions: KvQuestions;
  /** Asked with each read: true at times, so that the control plane tells this host of commits from then on. */
  readonly wantsHints: () => boolean;
  /** A read that asked for that was answered. */
  readonly onHintsAsked?: () => void;
  /** The control plane answered (true) or didn't. */
  readonly onAnswer?: (answered: boolean) => void;
}

/** As long as etcd lets a request take, with the default election time-out, ms. */
const READ_MS = 7_000;
const PAGE_MS = 60_000;
/** A page that got lost on the way is asked for again this often. */
const PAGE_TRIES = 5;

/** The cluster's key-value log as the control plane hands it to this host. It can be read only: hosts write through calls. */
export function remoteLog({ questions, wantsHints, onHintsAsked = () => {}, onAnswer = () => {} }: RemoteLogOptions): Log {
  const noted = async (question: Promise<Buffer>): Promise<Buffer> => {
    try {
      const bytes = await question;
      onAnswer(true);
      return bytes;
    } catch (error) {
      onAnswer(false);
      throw error;
    }
  };

  const readPage = async (cursor: string | undefined): Promise<SnapshotPage | undefined> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return decodeSnapshotPage(await noted(questions.snapshot(cursor, { timeoutMs: PAGE_MS })));
      } catch (error) {
        // Only in the middle is it worth it: what was loaded before would be lost.
        if (cursor === undefined || attempt >= PAGE_TRIES) throw error;
      }
    }
  };

  async function* chunksFrom(first: SnapshotPage): AsyncGenerator<Uint8Array> {
    for (let page: SnapshotPage | undefined = first; ; ) {
      yield* page.chunks;
      if (page.next === undefined) return;
      page = await readPage(page.next);
      // A newer one took its place: begin again.
      if (page?.id !== first.id) throw new UnreachableError('the snapshot was replaced while it was being loaded');
    }
  }

  return {
    async read(after: Sequence, { verify, expectNews }): Promise<Tail> {
      const hints = wantsHints();
      const question = { after, verify, news: expectNews === true, watch: hints, reads: ENTRY_FORMAT };
      const tail = decodeTail(await noted(questions.tail(question, { timeoutMs: READ_MS })));
      if (hints) onHintsAsked();
      if (tail === 'trimmed') throw new TrimmedError(after);
      return tail;
    },
    async loadSnapshot(): Promise<StoredSnapshot | undefined> {
      const first = await readPage(undefined);
      return first && { sequence: first.sequence, chunks: chunksFrom(first) };
    },
    async snapshotSequence() {
      throw new LogRefusedError('a host does not write snapshots');
    },
    append: () => Promise.reject(new LogRefusedError('a host does not append to the log')),
    saveSnapshot: () => Promise.reject(new LogRefusedError('a host does not write snapshots')),
  };
}
