import { describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Volume } from '../../core/resources/schema/pod.ts';
import type { ConfigSource } from '../runtime/environment.ts';
import { pod } from '../testing/pods.ts';
import { writeDirectory } from './atomic-directory.ts';
import { payloadOf, volumesVersion } from './payload.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const metadata = (name: string, resourceVersion = '1') => ({
  name,
  namespace: 'default',
  uid: `uid-${name}`,
  resourceVersion,
  creationTimestamp: '',
});
const source = (version = '1'): ConfigSource => ({
  configMap: (_, name) =>
    name === 'map'
      ? {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: metadata('map', version),
          data: { a: 'A', b: 'B' },
          binaryData: { bin: base64('\0\x01') },
        }
      : undefined,
  secret: (_, name) =>
    name === 'secret'
      ? { apiVersion: 'v1', kind: 'Secret', metadata: metadata('secret'), data: { key: base64('s3cret') } }
      : undefined,
});
const read = (volume: Volume) =>
  payloadOf(pod(), volume, source()).map(({ path, content, mode }) => `${path} ${mode.toString(8)} ${content.toString()}`);

describe('what a volume holds', () => {
  test('all keys, binary ones too, with the default mode', () => {
    expect(read({ name: 'v', configMap: { name: 'map', defaultMode: 0o600 } })).toEqual(['a 600 A', 'b 600 B', 'bin 600 \0\x01']);
    expect(read({ name: 'v', secret: { secretName: 'secret' } })).toEqual(['key 644 s3cret']);
  });
  test('only the items that are named, where they are wished', () => {
    const items = [{ key: 'b', path: 'deep/down', mode: 0o400 }];
    expect(read({ name: 'v', configMap: { name: 'map', items } })).toEqual(['deep/down 400 B']);
  });
  test('nothing, when what is missing is optional; else the start is stopped', () => {
    expect(read({ name: 'v', secret: { secretName: 'nope', optional: true } })).toEqual([]);
    expect(() => read({ name: 'v', secret: { secretName: 'nope' } })).toThrow('secret "nope" not found');
    expect(() => read({ name: 'v', configMap: { name: 'map', items: [{ key: 'z', path: 'z' }] } })).toThrow(
      'references non-existent key: z',
    );
  });
  test('nothing outside of it', () => {
    for (const path of ['../x', '/etc/x', 'a/../../x']) {
      expect(() => read({ name: 'v', configMap: { name: 'map', items: [{ key: 'a', path }] } })).toThrow('leaves the volume');
    }
  });
  test('a version that changes with its objects', () => {
    const of = pod('web', {
      volumes: [
        { name: 'v', configMap: { name: 'map' } },
        { name: 'e', emptyDir: {} },
      ],
    });
    expect(volumesVersion(of, source('1'))).not.toBe(volumesVersion(of, source('2')));
    expect(volumesVersion(pod(), source())).toBe('');
  });
});

describe('a directory of files', () => {
  const file = (path: string, text: string, mode = 0o644) => ({ path, content: Buffer.from(text), mode });
  const inTemporary = async (work: (directory: string) => Promise<void>) => {
    const directory = await mkdtemp(join(tmpdir(), 'trn-directory-'));
    try {
      await work(directory);
    } finally {
      await rm(directory, { recursive: true });
    }
  };

  test('changes as a whole, by one link', () =>
    inTemporary(async (directory) => {
      await writeDirectory(directory, [file('a', 'one'), file('deep/b', 'one', 0o400)]);
      const before = await readlink(join(directory, '..data'));
      expect(await readFile(join(directory, 'deep/b'), 'utf8')).toBe('one');
      expect((await stat(join(directory, 'deep/b'))).mode & 0o777).toBe(0o400);
      expect(await writeDirectory(directory, [file('a', 'two'), file('c', 'two')])).toBe(true);
      expect(await readlink(join(directory, '..data'))).not.toBe(before);
      expect(await readFile(join(directory, 'a'), 'utf8')).toBe('two');
      // What is gone is gone, and so is the former generation.
      expect((await readdir(directory)).filter((name) => !name.startsWith('..'))).toEqual(['a', 'c']);
      expect((await readdir(directory)).filter((name) => name.startsWith('..'))).toHaveLength(2);
    }));

  test('is left as it is when nothing differs', () =>
    inTemporary(async (directory) => {
      await writeDirectory(directory, [file('a', 'one')]);
      const before = await readlink(join(directory, '..data'));
      expect(await writeDirectory(directory, [file('a', 'one')])).toBe(false);
      expect(await readlink(join(directory, '..data'))).toBe(before);
      expect(await writeDirectory(directory, [file('a', 'one', 0o600)])).toBe(true);
    }));
});
