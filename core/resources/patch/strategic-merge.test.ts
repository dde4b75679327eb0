import { describe, expect, test } from '@jest/globals';
import { podSchema } from '../schema/pod.ts';
import { deploymentSchema } from '../schema/deployment.ts';
import { fieldOf } from '../schema/shape.ts';
import { StatusError } from '../status.ts';
import { strategicMerge } from './strategic-merge.ts';

const pod = fieldOf(podSchema);
const deployment = fieldOf(deploymentSchema);
const inSpec = (target: object, patch: object) =>
  (strategicMerge({ spec: target }, { spec: patch }, pod) as { spec: object }).spec;

describe('strategicMerge', () => {
  test('merges containers by name and leaves the others', () => {
    const target = {
      containers: [
        { name: 'a', image: 'a:1', args: ['x', 'y'] },
        { name: 'b', image: 'b:1' },
      ],
    };
    expect(
      inSpec(target, {
        containers: [
          { name: 'a', image: 'a:2' },
          { name: 'c', image: 'c:1' },
        ],
      }),
    ).toEqual({
      containers: [
        { name: 'a', image: 'a:2', args: ['x', 'y'] },
        { name: 'b', image: 'b:1' },
        { name: 'c', image: 'c:1' },
      ],
    });
  });

  test('replaces lists that have no merge key, as a whole', () => {
    expect(inSpec({ tolerations: [{ key: 'a' }, { key: 'b' }] }, { tolerations: [{ key: 'c' }] })).toEqual({
      tolerations: [{ key: 'c' }],
    });
    const target = { containers: [{ name: 'a', args: ['x', 'y'] }] };
    expect(inSpec(target, { containers: [{ name: 'a', args: ['z'] }] })).toEqual({ containers: [{ name: 'a', args: ['z'] }] });
  });

  test('deletes a field by null, an element by $patch: delete', () => {
    const target = {
      hostname: 'h',
      containers: [
        { name: 'a' },
        {
          name: 'b',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
        },
      ],
    };
    const patch = {
      hostname: null,
      containers: [
        { name: 'a', $patch: 'delete' },
        { name: 'b', env: [{ name: 'X', $patch: 'delete' }] },
      ],
    };
    expect(inSpec(target, patch)).toEqual({ containers: [{ name: 'b', env: [{ name: 'Y', value: '2' }] }] });
  });

  test('replaces an object or a list by $patch: replace', () => {
    expect(inSpec({ nodeSelector: { a: '1', b: '2' } }, { nodeSelector: { $patch: 'replace', c: '3' } })).toEqual({
      nodeSelector: { c: '3' },
    });
    const target = { containers: [{ name: 'a' }, { name: 'b' }] };
    expect(inSpec(target, { containers: [{ $patch: 'replace' }, { name: 'c' }] })).toEqual({ containers: [{ name: 'c' }] });
  });

  test('drops the fields that $retainKeys does not list', () => {
    const target = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    expect(strategicMerge(target, patch, deployment)).toEqual({ spec: { strategy: { type: 'Recreate' } } });
    const volumes = { volumes: [{ name: 'v', emptyDir: {} }] };
    const swap = { volumes: [{ $retainKeys: ['name', 'configMap'], name: 'v', configMap: { name: 'c' } }] };
    expect(inSpec(volumes, swap)).toEqual({ volumes: [{ name: 'v', configMap: { name: 'c' } }] });
  });

  test('adds to and deletes from lists of primitives that merge', () => {
    const target = { metadata: { finalizers: ['x/a', 'x/b'] } };
    const patch = { metadata: { finalizers: ['x/b', 'x/c'], '$deleteFromPrimitiveList/finalizers': ['x/a'] } };
    expect(strategicMerge(target, patch, pod)).toEqual({ metadata: { finalizers: ['x/b', 'x/c'] } });
  });

  test('orders elements as $setElementOrder says, and keeps unknown ones before those they stood before', () => {
    const names = (list: object) => (list as { containers: { name: string }[] }).containers.map((item) => item.name);
    const target = { containers: [{ name: 'sidecar' }, { name: 'a' }, { name: 'b' }, { name: 'tail' }] };
    const patch = { '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }], containers: [{ name: 'c' }] };
    expect(names(inSpec(target, patch))).toEqual(['c', 'sidecar', 'b', 'a', 'tail']);
  });

  test('leaves no directive and no null in what it adds', () => {
    const patch = {
      containers: [{ name: 'a', image: 'a', env: [{ name: 'X', $patch: 'delete' }], command: null, resources: { limits: null } }],
    };
    expect(inSpec({}, patch)).toEqual({ containers: [{ name: 'a', image: 'a', env: [], resources: {} }] });
  });

  test('refuses an element without its merge key and an unknown directive', () => {
    expect(() => inSpec({}, { containers: [{ image: 'a' }] })).toThrow(StatusError);
    expect(() => inSpec({}, { nodeSelector: { $patch: 'obliterate' } })).toThrow(/unknown patch directive/);
  });

  test('changes neither argument', () => {
    const target = { spec: { containers: [{ name: 'a', image: '1' }] } };
    const patch = { spec: { containers: [{ name: 'a', image: '2' }] } };
    const before = structuredClone([target, patch]);
    strategicMerge(target, patch, pod);
    expect([target, patch]).toEqual(before);
  });
});
