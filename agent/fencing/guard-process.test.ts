import { expect, test } from '@jest/globals';
import { missingTools } from './guard-process.ts';

test('a host without what the fence guard runs is found out: its guard would end nothing', async () => {
  expect(await missingTools(['sh', 'terrane-has-no-such-tool'])).toEqual(['terrane-has-no-such-tool']);
  expect(await missingTools(['awk', 'xargs'], '/nowhere')).toEqual(['awk', 'xargs']);
});
