import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { selectorText } from './kinds/workload-columns.ts';
import type { LabelSelector } from './schema/meta.ts';
import { matchesSelector, matchRequirements, parseFieldSelector, parseLabelSelector } from './selectors.ts';

const labels = { app: 'web', tier: 'front', size: '10' };
const selects = (text: string) => matchRequirements(labels, parseLabelSelector(text));

describe('label selectors as text', () => {
  test.each([
    '',
    ' ',
    'app=web',
    'app==web',
    'app = web',
    'app=web,tier=front',
    'app!=db',
    'nope!=x',
    'app in (db,web)',
    'app in ( web )',
    'app notin (db)',
    'nope notin (db)',
    'app',
    '!nope',
    'size>9',
    'size<11',
    'app in (web),!nope , tier',
  ])('%j selects', (text) => {
    expect(selects(text)).toBe(true);
  });

  test.each([
    'app=db',
    'app!=web',
    'nope',
    '!app',
    'app in (db)',
    'app notin (web)',
    'nope in (x)',
    'size>10',
    'app>1',
    'app=',
    'toString',
    'constructor',
  ])('%j does not', (text) => {
    expect(selects(text)).toBe(false);
  });

  test.each(['=', 'a=b=c', 'a in b', 'a in (b', 'a,,b', 'a>x', 'a b', 'a in (b,c d)', ',', '!'])(
    '%j is refused with a sentence',
    (text) => {
      expect(() => parseLabelSelector(text)).toThrow(/unable to parse requirement/);
    },
  );

  test('any text ends in a selector or a SyntaxError, never in anything else', () => {
    const piece = fc.constantFrom('a', 'b', '=', '!', '(', ')', ',', ' in ', ' notin ', '>', '-', ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          parseLabelSelector(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
    );
  });
});

describe("a resource's selector", () => {
  test('matches nothing when it is missing, everything when it is empty', () => {
    expect([matchesSelector(undefined, labels), matchesSelector({}, undefined)]).toEqual([false, true]);
  });

  test('means the same as its text form', () => {
    const key = fc.constantFrom('app', 'tier', 'x');
    const value = fc.constantFrom('web', 'front', 'y');
    const expression = fc.record({
      key,
      operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
      values: fc.array(value, { minLength: 1, maxLength: 2 }),
    });
    const selector = fc.record({
      matchLabels: fc.dictionary(key, value),
      matchExpressions: fc.array(expression, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(selector, fc.dictionary(key, value), (wanted, found) => {
        const text = selectorText(wanted as LabelSelector);
        const requirements = text === '<none>' ? [] : parseLabelSelector(text);
        expect(matchRequirements(found, requirements)).toBe(matchesSelector(wanted as LabelSelector, found));
      }),
    );
  });
});

describe('field selectors', () => {
  test('are a list of equal and unequal fields, with escapes', () => {
    expect(parseFieldSelector('metadata.name=a,spec.x!=b,status.y==c\\,d')).toEqual([
      { field: 'metadata.name', operator: '=', value: 'a' },
      { field: 'spec.x', operator: '!=', value: 'b' },
      { field: 'status.y', operator: '=', value: 'c,d' },
    ]);
    expect(parseFieldSelector('')).toEqual([]);
  });

  test.each(['a', '=b', 'a=b,', 'a in (b)'])('%j is refused', (text) => {
    expect(() => parseFieldSelector(text)).toThrow(SyntaxError);
  });
});
