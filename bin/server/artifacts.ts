import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where the build put what hosts fetch: beside the bundle (dist/terrane.mjs), or in dist/ when run from source. */
export function artifactsDir(): string {
  const places = [
    join(import.meta.dirname, 'agent'),
    join(import.meta.dirname, '../../dist/agent'),
    join(import.meta.dirname, '../dist/agent'),
  ];
  return places.find((place) => existsSync(join(place, 'manifest.json'))) ?? places[0]!;
}
