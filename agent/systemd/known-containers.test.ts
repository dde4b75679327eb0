import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { knownContainers } from './known-containers.ts';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'known-containers-'))));
afterEach(() => rm(directory, { recursive: true }));

test('what one agent saved last, the next one knows; of a file that is not whole, nothing', async () => {
  const path = join(directory, 'run/containers');
  const [a, b] = ['a', 'b'].map((id) => ({ id, unit: 'db.service', name: id }));
  const first = knownContainers(path);
  expect(first.before).toEqual([]);
  await Promise.all([first.save([a!]), first.save([a!, b!]), first.save([b!])]);
  expect(knownContainers(path).before).toEqual([b]);
  await writeFile(path, '[{');
  expect(knownContainers(path).before).toEqual([]);
});
