import { describe, expect, test } from '@jest/globals';
import { RecentRequests, REMEMBERED_MS, REQUESTS_MAX, REQUESTS_MIN } from './recent-requests.ts';

const NOW = 1_800_000_000_000;

function filled(requests: RecentRequests, count: number, time: number | undefined): RecentRequests {
  for (let n = 0; n < count; n++) requests.add(`r${n}`, n + 2, time);
  return requests;
}

describe('ids of requests', () => {
  test('are remembered for as long as a host may send its request again, however many others come meanwhile', () => {
    const requests = filled(new RecentRequests(), 1, NOW);
    for (let n = 0; n < REQUESTS_MIN * 3; n++) requests.add(`other ${n}`, n + 3, NOW + REMEMBERED_MS - 1);
    expect(requests.get('r0')).toBe(2);
    requests.add('late', 99, NOW + REMEMBERED_MS);
    expect(requests.get('r0')).toBeUndefined();
  });

  test('are remembered as long after a snapshot was loaded, which does not tell how old they are', () => {
    const requests = filled(new RecentRequests(), REQUESTS_MIN, undefined);
    requests.add('a', 1, NOW);
    requests.add('b', 1, NOW + REMEMBERED_MS - 1);
    expect(requests.get('r0')).toBe(2);
    requests.add('c', 1, NOW + REMEMBERED_MS);
    expect([requests.get('r0'), requests.get('r2'), requests.get('r3')]).toEqual([undefined, undefined, 5]);
  });

  test('are bounded in number: the oldest are forgotten first', () => {
    const requests = filled(new RecentRequests(), REQUESTS_MAX + 10, NOW);
    expect(requests.entries()).toHaveLength(REQUESTS_MAX);
    expect(requests.get('r9')).toBeUndefined();
    expect(requests.get('r10')).toBe(12);
  });

  test('are known whatever they look like and in whatever order they come, and forgotten in that order', () => {
    const ids = ['h/1', 'h/3', 'h/2', 'other', 'h/10', 'h/010', 'h/', '7', 'h/999999999999999999', 'g/1', 'h/9', 'h/0', '00'];
    const requests = new RecentRequests();
    for (const [index, id] of ids.entries()) requests.add(id, index + 2, NOW);
    expect(ids.map((id) => requests.get(id))).toEqual(ids.map((_, index) => index + 2));
    expect(requests.entries()).toEqual(ids.map((id, index) => [id, index + 2]));
    for (const absent of ['h/4', 'h/01', 'h/11', 'x/1', 'othe', 'other1', '', '8', '0', '000'])
      expect(requests.get(absent)).toBeUndefined();
    for (let n = 0; n < REQUESTS_MIN; n++) {
      requests.add(`k/${n}`, 100 + n, NOW + REMEMBERED_MS);
      const gone = Math.max(0, ids.length + n + 1 - REQUESTS_MIN);
      if (gone > 0 && gone <= ids.length)
        expect(ids.map((id) => requests.get(id) === undefined)).toEqual(ids.map((_, index) => index < gone));
    }
    expect(requests.entries()[0]).toEqual(['k/0', 100]);
  });

  test('of a quiet store are kept in a fixed number', () => {
    const requests = new RecentRequests();
    for (let n = 0; n < REQUESTS_MIN + 5; n++) requests.add(`r${n}`, n + 2, NOW + n * REMEMBERED_MS);
    expect(requests.entries()[0]).toEqual(['r5', 7]);
  });
});
