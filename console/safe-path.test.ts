import { expect, test } from '@jest/globals';
import { safePath } from './safe-path.ts';

test.each([
  ['/cluster/a?x=1#y', '/cluster/a?x=1#y'],
  [null, '/'],
  ['', '/'],
  ['https://evil.test/', '/'],
  ['//evil.test/', '/'],
  ['/\\evil.test', '/'],
  ['/\t/evil.test', '/'],
  ['/..//evil.test/', '/'],
  ['javascript:alert(1)', '/'],
  ['tokens', '/'],
])('a link that wants to go to %s leads to %s', (wanted, path) => expect(safePath(wanted)).toBe(path));
