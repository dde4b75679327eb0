import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KeyValue, ReadView } from '../keyspace/types.ts';
import { Overlay } from './overlay.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

function viewOf(entries: ReadonlyMap<string, string>): ReadView {
  const kvs = new Map<string, KeyValue>();
  for (const [key, text] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
    kvs.set(key, { key, value: bytes(text), createRevision: 3, modRevision: 5, version: 2, lease: 0n });
  return {
    revision: 7,
    get: (key) => kvs.get(key),
    *range(from, to) {
      for (const kv of kvs.values()) if (kv.key >= from && kv.key < to) yield kv;
    },
  };
}

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
const key = fc.constantFrom(...KEYS);
const step = fc.oneof(fc.record({ put: key, text: fc.constantFrom('1', '2') }), fc.record({ remove: key }));

test('an overlay reads as the base with its changes made, and writes just what differs', () => {
  fc.assert(
    fc.property(fc.dictionary(key, fc.constantFrom('1', '2')), fc.array(step), key, key, (base, steps, from, to) => {
      const model = new Map(Object.entries(base));
      const overlay = new Overlay(viewOf(model));
      for (const each of steps) {
        if ('put' in each) {
          overlay.put(each.put, bytes(each.text));
          model.set(each.put, each.text);
        } else expect(overlay.delete(each.remove)).toBe(model.delete(each.remove));
      }
      const wanted = [...model].filter(([name]) => name >= from && name < to).sort(([a], [b]) => (a < b ? -1 : 1));
      expect(Array.from(overlay.range(from, to), (kv) => [kv.key, new TextDecoder().decode(kv.value)])).toEqual(wanted);
      for (const name of KEYS)
        expect(overlay.get(name) && new TextDecoder().decode(overlay.get(name)!.value)).toBe(model.get(name));

      const target = new Overlay(viewOf(new Map(Object.entries(base))));
      const changed = overlay.writeTo(target);
      const different = KEYS.filter((name) => base[name] !== model.get(name));
      expect([...target.written()].map(([name]) => name).sort((a, b) => (a < b ? -1 : 1))).toEqual(different);
      expect(changed).toBe(different.length);
    }),
  );
});
