import { intervalOf } from '../../core/etcd/key-range.ts';
import type { KeyRange, RangeRequest, TxnRequest } from '../../core/etcd/requests.ts';
import type { Key } from '../../core/keyspace/types.ts';

/** Which keys a host keeps a copy of. */
export interface KeyChoice {
  readonly prefixes: readonly Key[];
  readonly all: boolean;
  /** Undefined: all. */
  readonly keep: ((key: Key) => boolean) | undefined;
  /** Whether everything in that range is kept. */
  covers(range: KeyRange): boolean;
  /** Whether everything that the transaction looks at, or may come to do, is kept. */
  coversTxn(txn: TxnRequest): boolean;
}

/** `prefixes`: as UTF-8 text; none, or an empty one, chooses all keys. */
export function keyChoice(prefixes: readonly string[]): KeyChoice {
  const keys = [...new Set(prefixes.map((text) => Buffer.from(text, 'utf8').toString('latin1')))].sort();
  const all = keys.length === 0 || keys[0] === '';
  if (all) return { prefixes: [], all, keep: undefined, covers: () => true, coversTxn: () => true };
  const intervals = keys.map((from) => ({ from, to: afterPrefix(from) }));
  const covers = (range: KeyRange) => {
    const wanted = intervalOf(range);
    return wanted.from >= wanted.to || intervals.some(({ from, to }) => wanted.from >= from && wanted.to <= to);
  };
  const coversTxn = ({ compare, success, failure }: TxnRequest): boolean =>
    compare.every(covers) &&
    [...success, ...failure].every((operation) => {
      if (!operation) return true;
      return operation.type === 'txn' ? coversTxn(operation.request) : covers(operation.request as RangeRequest);
    });
  const keep = (key: Key) => keys.some((prefix) => key.startsWith(prefix));
  return { prefixes: keys, all, keep, covers, coversTxn };
}

/** The first key after all that begin with it. */
function afterPrefix(prefix: Key): Key {
  for (let end = prefix.length; end > 0; end--) {
    const last = prefix.charCodeAt(end - 1);
    if (last < 0xff) return prefix.slice(0, end - 1) + String.fromCharCode(last + 1);
  }
  return '\u0100';
}
