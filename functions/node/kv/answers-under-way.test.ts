import { describe, expect, test } from '@jest/globals';
import { AnswersUnderWay } from './answers-under-way.ts';

const HOST = ['org_a', 'cl_a', 'a'] as const;

describe('a host that waits for an answer', () => {
  test('is not told of what the answer brings', () => {
    const underWay = new AnswersUnderWay();
    const answer = underWay.begin(...HOST);
    expect(underWay.brings(...HOST, 7)).toBe(true);
    expect(answer.end(7)).toBeUndefined();
    expect(underWay.brings(...HOST, 8)).toBe(false);
  });

  test('is told of what the answer did not bring', () => {
    const underWay = new AnswersUnderWay();
    const answer = underWay.begin(...HOST);
    underWay.brings(...HOST, 7);
    underWay.brings(...HOST, 8);
    expect(answer.end(6)).toBe(8);
  });

  test('is told only when the last of several answers has gone without it', () => {
    const underWay = new AnswersUnderWay();
    const [first, second, third] = [underWay.begin(...HOST), underWay.begin(...HOST), underWay.begin(...HOST)];
    underWay.brings(...HOST, 7);
    expect([first.end(6), second.end(6), third.end(6)]).toEqual([undefined, undefined, 7]);
  });

  test('keeps no other host from being told', () => {
    const underWay = new AnswersUnderWay();
    underWay.begin(...HOST);
    expect(underWay.brings('org_b', 'cl_a', 'a', 7)).toBe(false);
    expect(underWay.brings('org_a', 'cl_b', 'a', 7)).toBe(false);
    expect(underWay.brings('org_a', 'cl_a', 'b', 7)).toBe(false);
  });
});
