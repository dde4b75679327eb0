import { expect, test } from '@jest/globals';
import { kinds } from '../../core/resources/kinds/index.ts';
import type { KubeClient } from './client.ts';
import { kindByName } from './kinds.ts';

/** Fails on every request: what is well known is answered without one. */
const offline = new Proxy({}, { get: () => () => Promise.reject(new Error('a request was made')) }) as KubeClient;

test.each(kinds.map((definition) => [definition.kind, definition] as const))(
  '%s is known under the names that the server gives it, without asking',
  async (kind, { group, version, plural, shortNames, namespaced }) => {
    for (const name of [kind, plural, ...shortNames, ...(group ? [`${plural}.${group}`] : [])]) {
      expect(await kindByName(offline, name)).toMatchObject({ kind, group, version, plural, namespaced });
    }
  },
);
