import { describe, expect, test } from '@jest/globals';
import { prune } from './decode.ts';
import { kindByName } from './kinds/index.ts';

const pod = kindByName('Pod');
const configMap = kindByName('ConfigMap');

describe('prune', () => {
  test('names every field that the kind does not have, by its path, and leaves the rest', () => {
    const object = {
      metadata: { name: 'a', lables: {} },
      spec: { containers: [{ name: 'c' }, { name: 'd', resorces: {}, ports: [{ prot: 1 }] }] },
      extra: 1,
    };
    const { value, unknown } = prune(pod, object);
    expect(unknown).toEqual(['metadata.lables', 'spec.containers[1].resorces', 'spec.containers[1].ports[0].prot', 'extra']);
    expect(value).toEqual({ metadata: { name: 'a' }, spec: { containers: [{ name: 'c' }, { name: 'd', ports: [{}] }] } });
  });

  test('takes null for absent; in a map of text for empty text', () => {
    expect(prune(configMap, { metadata: { creationTimestamp: null }, data: { a: null } })).toEqual({
      value: { metadata: {}, data: { a: '' } },
      unknown: [],
    });
  });

  test('keeps open objects and wrong types as they are', () => {
    const condition = { type: 'Ready', status: 'True', anything: { goes: true } };
    expect(prune(pod, { status: { conditions: [condition] }, spec: 'no' })).toEqual({
      value: { status: { conditions: [condition] }, spec: 'no' },
      unknown: [],
    });
  });

  test('treats __proto__ and constructor as names like any other', () => {
    const object = JSON.parse('{"data":{"__proto__":"x","constructor":"y"},"constructor":{}}') as object;
    const { value, unknown } = prune(configMap, object);
    expect(Object.entries((value as { data: object }).data)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(unknown).toEqual(['constructor']);
  });
});
