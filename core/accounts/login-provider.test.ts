import { describe, expect, test } from '@jest/globals';
import { parseLoginProviders } from './login-provider.ts';

const secret = { clientId: 'me', clientSecret: 'hunter2' };
const parse = (...providers: object[]) => parseLoginProviders(JSON.stringify({ providers }));

describe('login providers', () => {
  test('that everyone knows need only their client', () => {
    expect(parse({ id: 'github', ...secret }, { id: 'google', ...secret })).toEqual([
      { id: 'github', name: 'GitHub', kind: 'github', issuer: 'https://github.com', ...secret },
      { id: 'google', name: 'Google', kind: 'oidc', issuer: 'https://accounts.google.com', ...secret },
    ]);
  });

  test('of any issuer', () => {
    expect(parse({ id: 'corp', name: 'Corp', issuer: 'https://id.corp.example/a', ...secret })).toMatchObject([
      { kind: 'oidc', name: 'Corp' },
    ]);
    expect(parse({ id: 'here', issuer: 'http://127.0.0.1:1', ...secret })).toHaveLength(1);
  });

  test.each([
    ['plain http to another machine', { id: 'corp', issuer: 'http://id.corp.example', ...secret }, 'https'],
    ['no issuer', { id: 'corp', ...secret }, 'corp has no issuer'],
    ['an id that is no name', { id: 'a/b', issuer: 'https://x.test', ...secret }, 'providers.0.id'],
    ['no secret', { id: 'github', clientId: 'x' }, 'providers.0.clientSecret'],
    ['a field that we do not know', { id: 'github', ...secret, scope: 'all' }, 'scope'],
  ])('are refused with %s, and the refusal does not quote the secret', (_, provider, words) => {
    expect(() => parse(provider)).toThrow(words);
    expect(() => parse(provider)).not.toThrow('hunter2');
  });

  test('are refused when one is there twice, or the JSON is broken', () => {
    expect(() => parse({ id: 'github', ...secret }, { id: 'github', ...secret })).toThrow('github is there twice');
    expect(() => parseLoginProviders('{"clientSecret": "hunter2"')).toThrow('login providers: not valid JSON');
  });
});
