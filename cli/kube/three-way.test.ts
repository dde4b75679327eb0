import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mergePatch } from '../../core/resources/patch/merge-patch.ts';
import { strategicMerge } from '../../core/resources/patch/strategic-merge.ts';
import { fieldOfKind } from './kind-schema.ts';
import { threeWayPatch } from './three-way.ts';

const DEPLOYMENT = fieldOfKind('apps/v1', 'Deployment')!;

type Json = Record<string, unknown>;
const containers = (...list: object[]): Json => ({ spec: { template: { spec: { containers: list } } } });

/** What the cluster has after an apply. */
function applied(last: unknown, wanted: Json, current: Json): Json {
  const patch = threeWayPatch(last, wanted, current, DEPLOYMENT);
  return patch ? (strategicMerge(current, patch, DEPLOYMENT) as Json) : current;
}

test('nothing to change is no patch, also when the cluster has defaults and more', () => {
  const wanted = containers({ name: 'a', image: 'x', env: [{ name: 'A', value: '1' }] });
  const current = containers({ name: 'a', image: 'x', env: [{ name: 'A', value: '1' }], imagePullPolicy: 'Always' });
  expect(threeWayPatch(wanted, wanted, current, DEPLOYMENT)).toBeUndefined();
  expect(threeWayPatch(undefined, wanted, current, DEPLOYMENT)).toBeUndefined();
});

describe('lists with keys', () => {
  test('only the element that differs is sent, with the order of all', () => {
    const wanted = containers({ name: 'a', image: 'x' }, { name: 'b', image: 'new' });
    const current = containers({ name: 'a', image: 'x' }, { name: 'b', image: 'old', tty: true });
    expect(threeWayPatch(undefined, wanted, current, DEPLOYMENT)).toEqual({
      spec: {
        template: {
          spec: { '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }], containers: [{ name: 'b', image: 'new' }] },
        },
      },
    });
  });

  test('an element that the author took out goes; one that somebody else put in stays', () => {
    const last = containers({ name: 'mine' }, { name: 'gone' });
    const current = containers({ name: 'mine' }, { name: 'gone' }, { name: 'theirs' });
    expect(applied(last, containers({ name: 'mine' }), current)).toEqual(containers({ name: 'mine' }, { name: 'theirs' }));
  });

  test('a new order is taken over', () => {
    const current = containers({ name: 'a' }, { name: 'b' });
    expect(applied(current, containers({ name: 'b' }, { name: 'a' }), current)).toEqual(containers({ name: 'b' }, { name: 'a' }));
  });
});

test('a field that the author took out goes; one that they never set stays', () => {
  const last = { spec: { paused: true } };
  const current = { spec: { paused: true, replicas: 5 } };
  expect(applied(last, { spec: {} }, current)).toEqual({ spec: { replicas: 5 } });
});

test('of fields that exclude each other those not named go, even if the author never set them', () => {
  const current = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } } } };
  expect(applied(undefined, { spec: { strategy: { type: 'Recreate' } } }, current)).toEqual({
    spec: { strategy: { type: 'Recreate' } },
  });
});

test('lists of primitives: what was added is added, what was taken out goes, what others added stays', () => {
  const meta = (...finalizers: string[]) => ({ metadata: { finalizers } });
  expect(applied(meta('a', 'b'), meta('a', 'c'), meta('a', 'b', 'theirs'))).toEqual(meta('a', 'theirs', 'c'));
});

test('a kind without a schema gets a JSON merge patch: lists are replaced as a whole', () => {
  const current = { spec: { list: [{ name: 'a' }], other: 1 } };
  const patch = threeWayPatch({ spec: { other: 1 } }, { spec: { list: [{ name: 'b' }] } }, current, undefined);
  expect(patch).toEqual({ spec: { list: [{ name: 'b' }], other: null } });
  expect(mergePatch(current, patch)).toEqual({ spec: { list: [{ name: 'b' }] } });
});

describe('for any history', () => {
  const env = fc.uniqueArray(fc.record({ name: fc.constantFrom('A', 'B', 'C'), value: fc.constantFrom('1', '2') }), {
    selector: ({ name }) => name,
  });
  const container = fc.record(
    {
      name: fc.constantFrom('a', 'b', 'c'),
      image: fc.constantFrom('x', 'y'),
      env,
      args: fc.array(fc.constantFrom('-v', '-q'), { maxLength: 2 }),
    },
    { requiredKeys: ['name', 'image'] },
  );
  const spec = fc.uniqueArray(container, { selector: ({ name }) => name, maxLength: 3 }).map((list) => containers(...list));

  test('what the author says is there afterwards, and applying it again changes nothing', () => {
    fc.assert(
      fc.property(fc.option(spec, { nil: undefined }), spec, spec, (last, wanted, current) => {
        const after = applied(last, wanted, current);
        expect(threeWayPatch(wanted, wanted, after, DEPLOYMENT)).toBeUndefined();
      }),
    );
  });

  test('when nobody else has touched it, exactly what the author says is there', () => {
    fc.assert(
      fc.property(spec, spec, (last, wanted) => {
        const empty = ({ env, ...rest }: Json) =>
          Array.isArray(env) && env.length === 0 ? rest : { ...rest, ...(env ? { env } : {}) };
        const list = (value: Json) =>
          (value as { spec: { template: { spec: { containers: Json[] } } } }).spec.template.spec.containers.map(empty);
        expect(list(applied(last, wanted, last))).toEqual(list(wanted));
      }),
    );
  });
});
