import { describe, expect, test } from '@jest/globals';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';

describe('mergePatch', () => {
  // Cases of RFC 7396, appendix A.
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j patched with %j is %j', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });
});

describe('jsonPatch', () => {
  test('applies operations in order and leaves the target alone', () => {
    const target = { a: { b: 1 } };
    const patch = [
      { op: 'test', path: '/a/b', value: 1 },
      { op: 'replace', path: '/a/b', value: 2 },
      { op: 'add', path: '/c', value: [] },
    ];
    expect(jsonPatch(target, patch)).toEqual({ a: { b: 2 }, c: [] });
    expect(target).toEqual({ a: { b: 1 } });
  });

  test.each([
    ['a test that fails', [{ op: 'test', path: '/a', value: 2 }]],
    ['a path that does not exist', [{ op: 'remove', path: '/nope' }]],
    ['an operation that does not exist', [{ op: 'frobnicate', path: '/a' }]],
    ['a way into the prototype', [{ op: 'add', path: '/__proto__/polluted', value: 1 }]],
  ])('refuses %s and never quotes the document', (_what, patch) => {
    let message = '';
    try {
      jsonPatch({ a: 1, secret: 'hunter2' }, patch);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(/rejected/);
    expect(message).not.toContain('hunter2');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('refuses what is not a list', () => {
    expect(() => jsonPatch({}, { op: 'add' })).toThrow(/list of operations/);
  });
});
