import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseUnitFile } from '../../core/fleet/unit-file.ts';
import { unitHash } from '../../core/fleet/unit-hash.ts';
import { parseUnitName } from '../../core/fleet/unit-name.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import { CliError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { findUnit, meant, unitName } from './units.ts';

/**
 * Where the text of a new unit comes from, as with fleetctl: its file, or for an instance that has none its template, in the cluster or in the file's
 * folder.
 */
export async function unitText(kube: KubeClient, argument: string): Promise<string> {
  const own = await localText(argument);
  if (own !== undefined) return own;
  const name = unitName(argument);
  const { template } = parseUnitName(name);
  if (template === undefined)
    throw new CliError(`there is no unit ${name}, and no file ${argument}`, {
      code: 'not_found',
      fix: await meant(kube, name, 'Name the unit file by its path, or a unit that is there: terrane unit list-files'),
    });
  const stored = await templateText(kube, name);
  if (stored !== undefined) return stored;
  const text = await textOf(join(dirname(argument), template));
  if (text !== undefined) return text;
  throw new CliError(`there is no unit ${name}, and no template ${template}, in the cluster or as a file`, {
    code: 'not_found',
    fix: `terrane unit submit ${template}`,
  });
}

/** Of an instance: its template's, as the cluster has it. */
export async function templateText(kube: KubeClient, name: string): Promise<string | undefined> {
  const { template } = parseUnitName(name);
  return template === undefined ? undefined : (await findUnit(kube, template))?.spec.contents;
}

/** Of the file that the argument names; of an instance also of its template's beside it. Undefined: there is none. */
export async function localText(argument: string): Promise<string | undefined> {
  const own = (await textOf(argument)) ?? (await textOf(join(dirname(argument), unitName(argument))));
  if (own !== undefined) return own;
  const { template } = parseUnitName(unitName(argument));
  return template === undefined ? undefined : textOf(join(dirname(argument), template));
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new CliError(`the unit file ${path} can't be read`, { cause: error });
  }
}

/** Do they say the same? Comments and blank lines say nothing. A text that can't be read says something else. */
export function saysTheSame(text: string, unit: Unit): boolean {
  try {
    return unitHash(parseUnitFile(text)) === unitHash(parseUnitFile(unit.spec.contents));
  } catch {
    return false;
  }
}
