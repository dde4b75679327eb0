import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { meta, node, pod } from '../../test/support/builders.ts';
import type { KeyValue } from '../keyspace/types.ts';
import { encodeResource, resourceKey } from '../resources/codec.ts';
import type { AnyResource } from '../resources/schema/kinds.ts';
import { Overlay } from './overlay.ts';
import { clusterState, type FollowingState } from './state.ts';

const EMPTY = { revision: 1, get: () => undefined, range: () => [][Symbol.iterator]() as IterableIterator<KeyValue> };
const plural = { Pod: 'pods', Node: 'nodes', ConfigMap: 'configmaps' } as Record<string, string>;
const keyOf = ({ kind, metadata }: AnyResource) => resourceKey('', plural[kind]!, metadata.namespace, metadata.name);

const name = fc.constantFrom('a', 'b', 'c');
const object: fc.Arbitrary<AnyResource> = fc.oneof(
  fc
    .record({ name, owner: fc.option(name, { nil: undefined }), nodeName: fc.option(name, { nil: undefined }), namespace: name })
    .map(({ name: own, owner, nodeName, namespace }) =>
      pod(own, { namespace, ...(owner && { owner }), ...(nodeName && { nodeName }) }),
    ),
  name.map((own) => node(own)),
  name.map((own): AnyResource => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: meta(own, { namespace: 'a' }) })),
);

/** Everything one can ask it. */
function answers(state: FollowingState): unknown {
  return {
    lists: (['Pod', 'Node', 'ConfigMap'] as const).map((kind) => state.list(kind)),
    each: ['a', 'b', 'c'].map((own) => [
      state.podsOn(own),
      state.ownedBy('Pod', own),
      state.dependents(own),
      state.orphans('Pod', own),
      state.inNamespace(own),
      state.get('Node', '', own),
      state.get('Pod', 'a', own),
    ]),
    uids: state.list('Pod').map(({ metadata }) => state.byUid(metadata.uid)?.metadata.name),
  };
}

test('a state that followed the changes answers as one that is built anew', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ object, gone: fc.boolean() })), (changes) => {
      const overlay = new Overlay(EMPTY);
      const followed = clusterState(overlay);
      for (const { object: changed, gone } of changes) {
        if (gone) overlay.delete(keyOf(changed));
        else overlay.put(keyOf(changed), encodeResource(changed));
        followed.set(keyOf(changed), overlay.get(keyOf(changed)));
        answers(followed);
      }
      expect(answers(followed)).toEqual(answers(clusterState(overlay)));
    }),
  );
});
