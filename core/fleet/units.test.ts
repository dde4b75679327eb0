import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { globMatcher, isGlob } from './glob.ts';
import { requirementsOf } from './requirements.ts';
import { nearest } from './nearest.ts';
import { unitAdvice } from './unit-advice.ts';
import { parseUnitFile, serializeUnitFile, type UnitOption } from './unit-file.ts';
import { unitHash } from './unit-hash.ts';
import { isTemplate, parseUnitName, resolveSpecifiers, unitNameProblem } from './unit-name.ts';
import { unitProblem } from './validate-unit.ts';

const HELLO = `[Unit]
Description=Hello

# A comment
[Service]
ExecStart=/bin/bash -c \\
  ; another comment
  "while true; do echo Hello; done"
ExecStop=/bin/true

[Unit]
After=docker.service
`;

describe('a unit file', () => {
  test('is read option by option: comments go, and a line that ends in a backslash goes on', () => {
    expect(parseUnitFile(HELLO)).toEqual([
      { section: 'Unit', name: 'Description', value: 'Hello' },
      { section: 'Service', name: 'ExecStart', value: '/bin/bash -c \\\n"while true; do echo Hello; done"' },
      { section: 'Service', name: 'ExecStop', value: '/bin/true' },
      { section: 'Unit', name: 'After', value: 'docker.service' },
    ]);
  });

  test('is written with the options of a section together', () => {
    const options = parseUnitFile('[Unit]\nDescription=a=b\n[Service]\nExecStart=/x\n[Unit]\nAfter=y\n');
    const text = '[Unit]\nDescription=a=b\nAfter=y\n\n[Service]\nExecStart=/x\n';
    expect(serializeUnitFile(options)).toBe(text);
    expect(unitHash(options)).toBe(createHash('sha1').update(text).digest('hex'));
  });

  test('says the same after it was written and read again', () => {
    const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9=%"' /-]{0,18}[A-Za-z0-9]$/);
    const option: fc.Arbitrary<UnitOption> = fc.record({
      section: fc.constantFrom('Unit', 'Service', 'X-Fleet'),
      name: fc.stringMatching(/^[A-Za-z-]{1,10}$/),
      value: word,
    });
    fc.assert(
      fc.property(fc.array(option), (options) => {
        const text = serializeUnitFile(options);
        expect(serializeUnitFile(parseUnitFile(text))).toBe(text);
      }),
    );
  });

  test.each([
    ['[Unit\nA=b', 'line 1: unable to find end of section'],
    ['A=b', 'line 1: an option needs a section'],
    ['[Unit]\nA=\0', 'no NUL'],
    ['[Unit]\nnonsense', 'line 2: expected an option'],
    [`[Unit]\nA=${'x'.repeat(2047)}`, 'line 2: line too long (max 2048 bytes)'],
  ])('that is malformed is refused by its line: %j', (text, message) => {
    expect(() => parseUnitFile(text)).toThrow(message);
  });
});

describe('a unit name', () => {
  test.each([
    ['', 'empty'],
    ['a', 'must contain "."'],
    ['a.', 'cannot end in "."'],
    ['a.exe', 'invalid unit type: "exe"'],
    ['@a.service', 'cannot start in "@"'],
    ['a/b.service', "invalid character '/'"],
    ['a@b.mount', 'can be no template'],
    [`${'a'.repeat(248)}.service`, 'maximum length (255)'],
    ['.service', 'cannot start in "."'],
  ])('%j is refused', (name, message) => expect(unitNameProblem(name)).toContain(message));

  test.each(['a.service', 'a-b_c:d\\x2d.socket', 'a@.service', 'a@1.timer', 'x.slice'])('%j is allowed', (name) =>
    expect(unitNameProblem(name)).toBeUndefined(),
  );

  test('tells template and instance, and what specifiers stand for', () => {
    expect([isTemplate('a@.service'), isTemplate('a@1.service'), isTemplate('a.service')]).toEqual([true, false, false]);
    expect(parseUnitName('web@1.service').template).toBe('web@.service');
    expect(resolveSpecifiers('%n %N %p %i %H', parseUnitName('web@1.service'))).toBe('web@1.service web@1 web 1 %H');
    expect(resolveSpecifiers('%p %i', parseUnitName('web.service'))).toBe('web ');
  });
});

describe('[X-Fleet]', () => {
  const requirements = (text: string, name = 'a.service') => requirementsOf(name, parseUnitFile(`[X-Fleet]\n${text}`));

  test('in its old and new forms', () => {
    expect(requirements('X-ConditionMachineID=abc').machineId).toBe('abc');
    expect(requirements('X-ConditionMachineBootID=abc').machineId).toBe('abc');
    expect(requirements('MachineID=first\nMachineID=second').machineId).toBe('first');
    expect(requirements('X-ConditionMachineID=old\nMachineID=new').machineId).toBe('new');
    expect(requirements('X-ConditionMachineOf=a.service b.service\nMachineOf=c.service').machineOf).toEqual([
      'a.service',
      'b.service',
      'c.service',
    ]);
    expect(requirements('X-Conflicts=a*\nConflicts="b c" d').conflicts).toEqual(['a*', 'b c', 'd']);
    expect([
      ...requirements('X-ConditionMachineMetadata=a=1\nMachineMetadata="a=2" "b=3"\nMachineMetadata=junk').metadata,
    ]).toEqual([
      ['a', ['1', '2']],
      ['b', ['3']],
    ]);
    expect(['true', 'yes', '1', 'on', 't', 'TRUE', 'no', ''].map((value) => requirements(`Global=${value}`).global)).toEqual([
      true,
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(requirements('Global=true\nGlobal=no').global).toBe(false);
  });

  test('names what counts for nothing, for a warning', () => {
    const advice = (text: string) => unitAdvice(parseUnitFile(text));
    expect(advice('[X-Fleet]\nGlobal=1\nMachineMetadata="a=1" "b=2"\nX-Conflicts=a*\nFenced=no\n[Service]\nX=y')).toEqual([]);
    expect(advice('[X-Fleet]\nGlobl=1\nNothing=1\nmachineid=x')).toEqual([
      '[X-Fleet] has no option Globl, so it counts for nothing: did you mean Global?',
      '[X-Fleet] has no option Nothing, so it counts for nothing',
      '[X-Fleet] has no option machineid, so it counts for nothing: did you mean MachineID?',
    ]);
    expect(advice('[X-Fleet]\nMachineMetadata=a=1 junk b=\nGlobal=maybe\nMachineID=')).toEqual([
      'MachineMetadata: "junk" is no KEY=VALUE, so it counts for nothing',
      'MachineMetadata: "b=" is no KEY=VALUE, so it counts for nothing',
      'Global=maybe is neither true nor false, so it counts for nothing',
      'MachineID is empty, so it counts for nothing',
    ]);
    expect(advice(`[X-Fleet]\n${Array.from({ length: 99 }, (_, at) => `${'X'.repeat(99)}${at}=1\n`).join('')}`)).toEqual([
      `[X-Fleet] has no option ${'X'.repeat(60)}..., so it counts for nothing`,
    ]);
    expect(advice(`[X-Fleet]\n${Array.from({ length: 99 }, (_, at) => `x${at}=1\n`).join('')}`)).toHaveLength(10);
    expect(advice('[x-fleet]\nGlobal=true\n[XFleet]\nGlobal=true')).toEqual([
      "the section [x-fleet] counts for nothing: fleet's is [X-Fleet]",
      "the section [XFleet] counts for nothing: fleet's is [X-Fleet]",
    ]);
  });

  test.each([
    ['MachineID=a\nMachineOf=b.service', 'MachineID cannot be used with MachineOf'],
    ['MachineID=a\nConflicts=b', 'MachineID cannot be used with Conflicts'],
    ['MachineID=a\nGlobal=true', 'MachineID cannot be used with Global'],
    ['MachineID=a\nReplaces=b', 'MachineID cannot be used with Replaces'],
    ['Global=true\nMachineOf=b.service', 'Global cannot be used with MachineOf'],
    ['Global=true\nReplaces=b', 'Global cannot be used with Replaces'],
    ['Conflicts=a\nReplaces=b', 'Conflicts cannot be used with Replaces'],
    ['MachineOf=b.service\nConflicts=b*', 'peer "b.service" matches conflict "b*"'],
    ['MachineOf=b.service\nReplaces=b.service', 'peer "b.service" matches replace "b.service"'],
    ['Conflicts=[a', 'is no pattern'],
  ])('%j is refused', (text, message) =>
    expect(unitProblem('a.service', parseUnitFile(`[X-Fleet]\n${text}`))).toContain(message),
  );

  test('that makes sense is not', () => {
    expect(unitProblem('a@1.service', parseUnitFile('[X-Fleet]\nConflicts=a@*.service\nMachineOf=b.service'))).toBeUndefined();
  });
});

describe("a pattern, by the rules of Go's path.Match", () => {
  test.each([
    ['*', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'abc', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a?b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[]a]', ']', false],
    ['[-]', '-', false],
    ['[a', 'a', false],
    ['a[', 'a', false],
    ['\\', 'a', false],
    ['', '', true],
    ['', 'a', false],
    ['[^a-z]x', '1x', true],
    ['*x', 'xxx', true],
    ['a.service', 'axservice', false],
  ])('%j and %j: %s', (pattern, text, expected) => expect(globMatcher(pattern)(text)).toBe(expected));

  test('that is malformed is known as such', () => {
    expect(['[', '[a', '[a-', '[]', '\\', '[^]'].map(isGlob)).toEqual([false, false, false, false, false, false]);
  });

  test('with many stars takes no long', () => {
    expect(globMatcher(`${'*a'.repeat(500)}*b`)('a'.repeat(250))).toBe(false);
  });
});

test('what was meant is what takes the fewest changes, if they are few', () => {
  const known = ['hello.service', 'help.service', 'web@1.service', 'web@.service'];
  expect(nearest('helo.service', known)).toBe('hello.service');
  expect(nearest('Hello.servcie', known)).toBe('hello.service');
  expect(nearest('web1.service', known)).toBe('web@1.service');
  expect(nearest('database.service', known)).toBeUndefined();
  expect(nearest('', known)).toBeUndefined();
});
