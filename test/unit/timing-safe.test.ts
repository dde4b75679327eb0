import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sameSecret } from '../../core/secrets/same-secret.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['core', 'store', 'functions', 'bin', 'agent'];

/** Words that a secret's name ends with, or the name of what is made from one. */
const SECRET = /(?:secret|password|passphrase|hash|hmac|mac|digest|signature|checksum|token|nonce|csrf|verifier|otp)$/i;

/**
 * Comparisons of such names by === that are right, and why. A line that is not here fails the test, and so does one here that is gone.
 */
const RIGHT: Readonly<Record<string, string>> = {
  'store/accounts/user-sessions.ts': "two rows of the caller's own list: nobody sends either",
  'agent/planner/plan-running.ts': "a container's label and the hash of its spec: no secret",
  'bin/build/bundle.ts': 'hashes of source files',
  'core/controllers/units/unit-scheduler.ts': "fleet's hash of a unit's text, which everybody may see",
  'core/network/kernel/diff.ts': 'hardware addresses',
  'core/network/nft/listing.ts': 'digests of firewall rules: is this what we wrote?',
  'agent/systemd/plan-units.ts': "fleet's hash of a unit's text",
  'agent/updates/fcos/fcos-driver.ts': 'the public checksum of a deployment',
};

/** `a === b` or `a !== b` where neither side is a literal, undefined, or a property such as length. */
function comparisons(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*$/gm, '');
  const found: string[] = [];
  for (const [whole, left, right] of code.matchAll(/([\w$.?!\])[]+)\s*[!=]==?\s*([\w$.?!([]+|['"`])/g)) {
    const [a, b] = [left!, right!].map(
      (side) =>
        side
          .replace(/[!?()[\]]+$/, '')
          .split('.')
          .at(-1)!,
    ) as [string, string];
    const plain = /^(undefined|null|true|false|typeof|\d.*|['"`].*|)$/;
    if (plain.test(a) || plain.test(b)) continue;
    if (SECRET.test(a) || SECRET.test(b)) found.push(whole);
  }
  return found;
}

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.includes('testing/'))
    .map((name) => `${folder}/${name}`),
);

describe('secrets and their hashes are compared in constant time', () => {
  test('everywhere in the sources', () => {
    const suspects = files.flatMap((file) => {
      const found = comparisons(readFileSync(join(ROOT, file), 'utf8'));
      return found.length > 0 ? [[file, found] as const] : [];
    });
    const unexplained = suspects.filter(([file]) => !(file in RIGHT)).map(([file, found]) => `${file}: ${found.join('; ')}`);
    expect(unexplained).toEqual([]);
    expect(Object.keys(RIGHT).filter((file) => !suspects.some(([suspect]) => suspect === file))).toEqual([]);
  });

  test.each([
    'if (known?.tokenHash === hash) return;',
    'return given.secret !== expected;',
    'ok = mac == computeMac(body)',
    'if (row.hash === hashOf(text)) x();',
  ])('and %j would be noticed', (line) => {
    expect(comparisons(line)).not.toEqual([]);
  });

  test.each(['if (token === undefined) x();', "kind === 'secret'", '// hash === hash', 'hash.length === other.length'])(
    'while %j is none',
    (line) => {
      expect(comparisons(line)).toEqual([]);
    },
  );

  test.each([
    ['the same', 'a-secret', 'a-secret', true],
    ['one that differs at its end', 'a-secret', 'a-secreT', false],
    ['a longer one', 'a-secret', 'a-secret-', false],
    ['nothing', 'a-secret', '', false],
    ['one that looks alike', 'é', 'e\u0301', false],
  ])('%s', (_, a, b, same) => {
    expect(sameSecret(a, b)).toBe(same);
  });
});
