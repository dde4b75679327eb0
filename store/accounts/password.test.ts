import { describe, expect, test } from '@jest/globals';
import { type DeriveKey, deriveKey, type PasswordCosts, Passwords } from './password.ts';

const CHEAP: PasswordCosts = { argon2id: { memoryKib: 64, passes: 1, parallelism: 1 }, scrypt: { logN: 8, r: 8, p: 1 } };

describe('passwords', () => {
  test('are kept as salted PHC strings that say how they were made', async () => {
    const passwords = new Passwords(CHEAP);
    const [a, b] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')]);
    expect(a).toMatch(/^\$(scrypt\$ln=8,r=8,p=1|argon2id\$v=19\$m=64,t=1,p=1)\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(a).not.toBe(b);
    expect(await passwords.verify('correct horse', a)).toBe(true);
    expect(await passwords.verify('correct horsf', a)).toBe(false);
  });

  test('are the same however the keyboard composes them', async () => {
    const passwords = new Passwords(CHEAP);
    expect(await passwords.verify('caf\u0065\u0301 noir', await passwords.hash('caf\u00e9 noir'))).toBe(true);
  });

  test('made by an older version are still checked, and known to be outdated', async () => {
    const old = await new Passwords(CHEAP).hash('correct horse');
    const today = new Passwords({ argon2id: { ...CHEAP.argon2id, passes: 2 }, scrypt: { ...CHEAP.scrypt, logN: 9 } });
    expect(today.outdated(old)).toBe(true);
    expect(await today.verify('correct horse', old)).toBe(true);
    expect(today.outdated(await today.hash('correct horse'))).toBe(false);
  });

  test('that Node 24 hashed with argon2id are checked on Node 20, too, and the other way round', async () => {
    const passwords = new Passwords(CHEAP);
    // From node:crypto's argon2id of Node 24.21, with the salt "0123456789abcdef".
    const byNode24 = '$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$dPtrHTEawLtMiR9+/XloAkXZ+EtyrY+bvmHIbiufhk0';
    expect(await passwords.verify('correct horse', byNode24)).toBe(true);
    expect(await passwords.verify('correct horsf', byNode24)).toBe(false);
    expect(passwords.outdated(byNode24)).toBe(true);
    const byNode20 = '$scrypt$ln=8,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$knxRm35dupm1cZnWH3ri1ioyXJhI0VgdAmDZDrQX5lw';
    expect(await passwords.verify('correct horse', byNode20)).toBe(true);
  });

  test('of nobody cost as much work as a wrong one, so that the time tells nothing', async () => {
    const work: string[] = [];
    const counting: DeriveKey = (prefix, password, salt) => {
      work.push(prefix);
      return deriveKey(prefix, password, salt);
    };
    const passwords = new Passwords(CHEAP, counting);
    const stored = await passwords.hash('correct horse');
    await passwords.verify('warm up', undefined);
    work.length = 0;
    await passwords.verify('wrong', stored);
    const known = work.splice(0);
    expect(await passwords.verify('wrong', undefined)).toBe(false);
    expect(work).toEqual(known);
    expect(known).toHaveLength(1);
  });

  test('are hashed two at a time at most: each takes memory', async () => {
    let running = 0;
    let most = 0;
    const watched: DeriveKey = async (prefix, password, salt) => {
      most = Math.max(most, ++running);
      const key = await deriveKey(prefix, password, salt);
      running--;
      return key;
    };
    const passwords = new Passwords(CHEAP, watched);
    await Promise.all(Array.from({ length: 7 }, () => passwords.hash('correct horse')));
    expect([most, running]).toEqual([2, 0]);
  });
});
