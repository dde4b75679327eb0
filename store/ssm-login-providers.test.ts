import type { SSMClient } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { ssmLoginProviders } from './ssm-login-providers.ts';

const json = (id: string) =>
  JSON.stringify({ providers: [{ id, issuer: 'https://id.example', clientId: 'c', clientSecret: 's' }] });

test('login providers are read when asked for, believed for five minutes, and kept while SSM does not answer', async () => {
  const clock = { at: 1_000_000 };
  const answers: (string | Error)[] = [new Error('throttled'), json('one'), json('two'), new Error('throttled'), json('three')];
  const asked: unknown[] = [];
  const send = async ({ input }: { input: unknown }) => {
    asked.push(input);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return { Parameter: { Value: answer } };
  };
  const read = ssmLoginProviders(
    '/p',
    () => clock.at,
    async () => ({ send }) as unknown as SSMClient,
  );
  const ids = async () => (await read()).map(({ id }) => id);

  await expect(ids()).rejects.toThrow('throttled');
  expect(await ids()).toEqual(['one']);
  expect(await ids()).toEqual(['one']);
  expect(asked).toEqual([1, 2].map(() => ({ Name: '/p', WithDecryption: true })));
  clock.at += 300_000;
  expect(await ids()).toEqual(['two']);
  clock.at += 300_000;
  expect(await ids()).toEqual(['two']);
  clock.at += 300_000;
  expect(await ids()).toEqual(['three']);
});
