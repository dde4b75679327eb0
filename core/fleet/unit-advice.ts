import { nearest } from './nearest.ts';
import { FALSE, KNOWN_OPTIONS, metadataPair, SECTION, splitWords, TRUE } from './requirements.ts';
import type { UnitOption } from './unit-file.ts';

/** What a unit file says to fleet and counts for nothing, as sentences: it is taken all the same, as fleet takes it. */
export function unitAdvice(options: readonly UnitOption[]): string[] {
  const sections = [...new Set(options.map(({ section }) => section))].filter(
    (section) => section !== SECTION && nearest(section, [SECTION]),
  );
  const given = options.filter(({ section }) => section === SECTION);
  return [
    ...sections.map((section) => `the section [${section}] counts for nothing: fleet's is [${SECTION}]`),
    ...given.filter(({ name }) => !KNOWN_OPTIONS.includes(name)).map(({ name }) => unknown(name)),
    ...given.flatMap(adviceOn),
  ];
}

function unknown(name: string): string {
  const meant = nearest(name, KNOWN_OPTIONS);
  return `[${SECTION}] has no option ${name}, so it counts for nothing${meant === undefined ? '' : `: did you mean ${meant}?`}`;
}

function adviceOn({ name, value }: UnitOption): string[] {
  if (name.endsWith('MachineMetadata'))
    return splitWords(value)
      .filter((word) => metadataPair(word) === undefined)
      .map((word) => `${name}: "${word}" is no KEY=VALUE, so it counts for nothing`);
  if ((name === 'Global' || name === 'Fenced') && !TRUE.has(value.toLowerCase()) && !FALSE.has(value.toLowerCase()))
    return [`${name}=${value} is neither true nor false, so it counts for nothing`];
  return value === '' && KNOWN_OPTIONS.includes(name) ? [`${name} is empty, so it counts for nothing`] : [];
}
