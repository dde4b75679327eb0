import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { type NftStatement, nftChanges } from './differ.ts';
import type { NftChain, NftSet, Ruleset } from './ruleset.ts';
import { nftScript } from './script.ts';

/** A table that takes statements as the kernel does: it refuses what refers to nothing, and what is still referred to. */
class Kernel {
  chains = new Map<string, { hook: string | undefined; rules: string[] }>();
  sets = new Map<string, { declared: string; elements: Map<string, string> }>();

  apply(statements: readonly NftStatement[]): void {
    for (const statement of statements) this.#one(statement);
  }

  #one(statement: NftStatement): void {
    switch (statement.op) {
      case 'resetTable':
        this.chains.clear();
        this.sets.clear();
        return;
      case 'addSet':
        if (this.sets.has(statement.name)) throw new Error(`set ${statement.name} exists`);
        this.sets.set(statement.name, { declared: declared(statement.set), elements: new Map() });
        return;
      case 'addChain':
        if (this.chains.has(statement.name)) throw new Error(`chain ${statement.name} exists`);
        this.chains.set(statement.name, { hook: statement.hook, rules: [] });
        return;
      case 'flushChain':
        this.#chain(statement.name).rules = [];
        return;
      case 'addRules':
        for (const rule of statement.rules) this.#check(rule);
        this.#chain(statement.chain).rules.push(...statement.rules);
        return;
      case 'deleteElements':
        for (const key of statement.keys)
          if (!this.#set(statement.set).elements.delete(key)) throw new Error(`no element ${key}`);
        return;
      case 'addElements':
        for (const [key, value] of statement.elements) {
          this.#check(value);
          if (this.#set(statement.set).elements.has(key)) throw new Error(`element ${key} exists`);
          this.#set(statement.set).elements.set(key, value);
        }
        return;
      case 'deleteChain':
        if (this.#chain(statement.name).rules.length > 0) throw new Error(`chain ${statement.name} is not empty`);
        this.#unused(`goto ${statement.name}`);
        this.chains.delete(statement.name);
        return;
      case 'deleteSet':
        this.#set(statement.name);
        this.#unused(`@${statement.name}`);
        this.sets.delete(statement.name);
    }
  }

  #chain(name: string) {
    const chain = this.chains.get(name);
    if (!chain) throw new Error(`no chain ${name}`);
    return chain;
  }

  #set(name: string) {
    const set = this.sets.get(name);
    if (!set) throw new Error(`no set ${name}`);
    return set;
  }

  #check(text: string): void {
    const [, chain] = /goto (\S+)/.exec(text) ?? [];
    const [, set] = /@(\S+)/.exec(text) ?? [];
    if (chain) this.#chain(chain);
    if (set) this.#set(set);
  }

  #unused(reference: string): void {
    const rules = [...this.chains.values()].flatMap((chain) => chain.rules);
    const values = [...this.sets.values()].flatMap(({ elements }) => [...elements.values()]);
    if ([...rules, ...values].some((text) => text.split(/\s+/).join(' ').endsWith(reference)))
      throw new Error(`${reference} is still used`);
  }
}

const declared = ({ key, value, timeoutSeconds }: NftSet) => JSON.stringify([key, value, timeoutSeconds]);

const NAMES = ['a', 'b', 'c', 'd'];
const name = fc.constantFrom(...NAMES);

/** Rulesets in which everything that is referred to is there. */
const ruleset: fc.Arbitrary<Ruleset> = fc
  .record({
    chains: fc.uniqueArray(name),
    sets: fc.uniqueArray(name),
    rules: fc.dictionary(name, fc.array(fc.tuple(fc.constantFrom('goto', 'set', 'plain'), name), { maxLength: 3 })),
    elements: fc.dictionary(name, fc.dictionary(fc.constantFrom('1', '2', '3', '4'), name)),
    timeouts: fc.uniqueArray(name, { maxLength: 1 }),
    hook: fc.boolean(),
  })
  .map(({ chains, sets, rules, elements, timeouts, hook }) => {
    const text = ([kind, other]: readonly [string, string]) =>
      kind === 'goto' && chains.includes(other)
        ? `goto ${other}`
        : kind === 'set' && sets.includes(other)
          ? `use @${other}`
          : 'accept';
    const made = new Map<string, NftChain>(
      chains.map((chain) => [
        chain,
        { ...(hook && chain === 'a' && { hook: 'type filter hook forward priority 0' }), rules: (rules[chain] ?? []).map(text) },
      ]),
    );
    const maps = new Map<string, NftSet>(
      sets.map((set) => [
        set,
        {
          key: 'mark',
          value: 'verdict',
          ...(timeouts.includes(set) && { timeoutSeconds: 5 }),
          elements: new Map(
            Object.entries(elements[set] ?? {}).map(([key, chain]) => [key, chains.includes(chain) ? `goto ${chain}` : 'accept']),
          ),
        },
      ]),
    );
    return { family: 'ip', table: 't', chains: made, sets: maps };
  });

const ordered = <T>(entries: Iterable<readonly [string, T]>): [string, T][] =>
  [...entries].map(([key, value]): [string, T] => [key, value]).sort(([a], [b]) => (a < b ? -1 : 1));

const shown = ({ chains, sets }: Kernel) => ({
  chains: ordered(chains),
  sets: ordered(sets).map(([key, { elements, ...rest }]) => [key, rest, ordered(elements)]),
});

describe('changes of a table', () => {
  test('make of any ruleset any other, just as if it were made anew, without ever breaking a reference', () => {
    fc.assert(
      fc.property(fc.array(ruleset, { minLength: 1, maxLength: 4 }), (steps) => {
        const kernel = new Kernel();
        let current: Ruleset | undefined;
        for (const next of steps) {
          kernel.apply(nftChanges(current, next));
          const anew = new Kernel();
          anew.apply(nftChanges(undefined, next));
          expect(shown(kernel)).toEqual(shown(anew));
          expect(nftChanges(next, next)).toEqual([]);
          current = next;
        }
      }),
      { numRuns: 500 },
    );
  });

  test('say only what differs', () => {
    const table = (rules: string[], elements: [string, string][]): Ruleset => ({
      family: 'ip',
      table: 't',
      chains: new Map([
        ['same', { rules: ['accept'] }],
        ['other', { rules }],
      ]),
      sets: new Map([['map', { key: 'inet_service', value: 'verdict', elements: new Map(elements) }]]),
    });
    const before = table(['accept'], [['80', 'goto same']]);
    const after = table(
      ['drop'],
      [
        ['80', 'goto same'],
        ['81', 'goto other'],
      ],
    );
    expect(nftScript(after, nftChanges(before, after))).toBe(
      ['flush chain ip t other', 'add rule ip t other drop', 'add element ip t map { 81 : goto other }', ''].join('\n'),
    );
  });
});
