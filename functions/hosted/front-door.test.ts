import { describe, expect, test } from '@jest/globals';
import { visitorOf, wrongDoor } from './front-door.ts';

const SECRET = 'a-long-secret';
const headers = { 'X-Terrane-Origin': SECRET, 'X-Terrane-Host': 'Terrane.Example', 'X-Terrane-Client-Ip': '192.0.2.7' };

describe('the front door', () => {
  test('believes CloudFront who came and for which host, however the names are written', () => {
    expect(visitorOf(headers, SECRET)).toEqual({ host: 'terrane.example', ip: '192.0.2.7' });
  });

  test.each([
    ['no secret', { ...headers, 'X-Terrane-Origin': undefined }],
    ['an empty secret', { ...headers, 'X-Terrane-Origin': '' }],
    ['another secret of the same length', { ...headers, 'X-Terrane-Origin': 'a-long-secreT' }],
    ['a longer one', { ...headers, 'X-Terrane-Origin': `${SECRET}x` }],
    ['no host', { ...headers, 'X-Terrane-Host': undefined }],
  ])('believes nothing with %s', (_, given) => {
    expect(visitorOf(given, SECRET)).toBeUndefined();
  });

  test('tells others no more than that this is not for them', async () => {
    const answer = wrongDoor();
    expect(answer.status).toBe(404);
    expect(await answer.text()).not.toContain('secret');
  });
});
