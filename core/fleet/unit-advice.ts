import { nearest } from './nearest.ts';
import { FALSE, KNOWN_OPTIONS, metadataPair, SECTION, splitWords, TRUE } from './requirements.ts';
import type { UnitOption } from './unit-file.ts';

/** More than that nobody reads, nor does an HTTP answer hold it. */
const SENTENCES_MOST = 10;
const CHARACTERS_MOST = 60;

/** What a unit file says to fleet and counts for nothing, as sentences: it is taken all the same, as fleet takes it. */
export function unitAdvice(options: readonly UnitOption[]): string[] {
  const sections = new Set(options.map(({ section }) => section));
  const given = options.filter(({ section }) => section === SECTION);
  const all = [
    ...[...sections]
      .filter((section) => section !== SECTION && nearest(section, [SECTION]))
      .map((section) => `the section [${section}] counts for nothing: fleet's is [${SECTION}]`),
    ...given.filter(({ name }) => !KNOWN_OPTIONS.includes(name)).map(({ name }) => unknown(name)),
    ...given.flatMap(adviceOn),
  ];
  return [...new Set(all)].slice(0, SENTENCES_MOST);
}

const shortened = (text: string) => (text.length > CHARACTERS_MOST ? `${text.slice(0, CHARACTERS_MOST)}...` : text);

function unknown(name: string): string {
  const meant = nearest(name, KNOWN_OPTIONS);
  return `[${SECTION}] has no option ${shortened(name)}, so it counts for nothing${meant === undefined ? '' : `: did you mean ${meant}?`}`;
}

function adviceOn({ name, value }: UnitOption): string[] {
  if (name.endsWith('MachineMetadata'))
    return splitWords(value)
      .filter((word) => metadataPair(word) === undefined)
      .map((word) => `${name}: "${shortened(word)}" is no KEY=VALUE, so it counts for nothing`);
  if ((name === 'Global' || name === 'Fenced') && !TRUE.has(value.toLowerCase()) && !FALSE.has(value.toLowerCase()))
    return [`${name}=${shortened(value)} is neither true nor false, so it counts for nothing`];
  return value === '' && KNOWN_OPTIONS.includes(name) ? [`${name} is empty, so it counts for nothing`] : [];
}
