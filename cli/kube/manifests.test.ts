import { expect, test } from '@jest/globals';
import { parseManifests } from './manifests.ts';

const HEAD = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n';
const dataOf = async (yaml: string) => (await parseManifests('f', HEAD + yaml))[0]!.object.data;

test('is read as Kubernetes reads it: 1.1 words and octals, but no base-60 numbers and no dates', async () => {
  expect(await dataOf('data: { yes: on, mode: 0644, ports: 22:22, day: 2001-12-14, text: "yes" }')).toEqual({
    true: true,
    mode: 420,
    ports: '22:22',
    day: '2001-12-14',
    text: 'yes',
  });
});

test('anchors and merge keys work; JSON is YAML', async () => {
  expect(await dataOf('base: &b { x: 1 }\ndata: { <<: *b, z: 2 }')).toEqual({ x: 1, z: 2 });
  expect(await parseManifests('f', '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}')).toHaveLength(1);
});

test('a field is located by its key, also in lists; one that is missing by what is around it', async () => {
  const [manifest] = await parseManifests('web.yaml', `${HEAD}spec:\n  containers:\n    - name: a\n      image: x\n`);
  expect(manifest!.locate('spec.containers[0].image')).toBe('web.yaml, line 7, column 7');
  expect(manifest!.locate('spec.containers[0].ports[1].name')).toBe('web.yaml, line 6, column 7');
  expect(manifest!.locate('status')).toBe('web.yaml, line 1, column 1');
});

test('items of a List are located in it', async () => {
  const text = 'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: { name: a }\n';
  expect((await parseManifests('f', text))[0]!.locate('kind')).toBe('f, line 5, column 3');
});

test('every mistake of a file is named at once', async () => {
  const text = `${HEAD}---\nkind: Pod\n---\n- a list\n---\n${HEAD}a: [\n`;
  await expect(parseManifests('f', text)).rejects.toThrow(
    /line 5, .*apiVersion is missing\nf, line 7, .*expected an object[^]*line 13, column 1: /,
  );
});

test('a bomb of aliases is refused', async () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
  ];
  await expect(parseManifests('f', `${HEAD}${bomb.join('\n')}\n`)).rejects.toThrow(/alias/);
});
