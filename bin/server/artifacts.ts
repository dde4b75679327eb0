import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where the build put what hosts fetch. */
export function artifactsDir(): string {
  return built('agent', 'manifest.json');
}

/** Where the build put the web console. */
export function consoleDir(): string {
  return built('console', 'index.html');
}

/** Beside the bundle (dist/terrane.mjs), or in dist/ when run from source. */
function built(name: string, proof: string): string {
  const places = [
    join(import.meta.dirname, name),
    join(import.meta.dirname, '../../dist', name),
    join(import.meta.dirname, '../dist', name),
  ];
  return places.find((place) => existsSync(join(place, proof))) ?? places[0]!;
}
