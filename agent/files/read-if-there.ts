import { readFile } from 'node:fs/promises';

/** The file's text, or undefined if there is none. Throws what the file system says of one that can't be read. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
