import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomic } from '../files/atomic-file.ts';
import { lane } from '../lane.ts';

/** A container that a fenced unit has started. */
export interface KnownContainer {
  readonly id: string;
  readonly unit: string;
  readonly name: string;
}

/** Those that run, for the next agent: who has started them may be gone by then, and be about to start elsewhere. */
export interface KnownContainers {
  /** What the agent before this one knew of in this boot. */
  readonly before: readonly KnownContainer[];
  /** Throws what the disk says. */
  save(all: readonly KnownContainer[]): Promise<void>;
}

/** `path`: a file that is gone with the next boot. */
export function knownContainers(path: string): KnownContainers {
  let text = read(path);
  const inTurn = lane(1);
  return {
    before: parsed(text),
    save: (all) =>
      inTurn(async () => {
        const next = JSON.stringify(all);
        if (next === (text || '[]')) return;
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await writeAtomic(path, next);
        text = next;
      }),
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The first one of this boot.
    return '';
  }
}

/** None, if it isn't whole: the fence guard has been told of them, too. */
function parsed(text: string): readonly KnownContainer[] {
  try {
    return JSON.parse(text) as KnownContainer[];
  } catch {
    return [];
  }
}
