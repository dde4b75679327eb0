import { duplicate, type FieldError, invalidValue } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { type UpdateFile, updatePackageSchema } from '../schema/update-package.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

export const updatePackageKind: KindDefinition<'UpdatePackage'> = {
  kind: 'UpdatePackage',
  group: 'terrane.dev',
  version: 'v1',
  plural: 'updatepackages',
  singular: 'updatepackage',
  shortNames: ['upkg'],
  categories: ['updates'],
  namespaced: false,
  subresources: [],
  schema: updatePackageSchema,
  description: 'One version of an operating system or other application, and where its files lie.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  defaults({ spec }) {
    spec.arch ??= 'amd64';
  },
  validate: ({ spec }) => [
    ...(spec.application === '' ? [invalidValue('spec.application', '', 'must not be empty')] : []),
    ...validateVersion(spec.version),
    ...validateUrl(spec.url),
    ...validateFiles(spec.files),
  ],
  // What instances were given under this name must stay what it was.
  validateUpdate: ({ spec }, previous) =>
    (['application', 'version', 'arch'] as const)
      .filter((field) => spec[field] !== previous.spec[field])
      .map((field) => invalidValue(`spec.${field}`, spec[field], 'field is immutable: make another package')),
  columns: [
    nameColumn,
    { name: 'Application', type: 'string', description: 'What it updates.', cell: ({ spec }) => spec.application },
    { name: 'Version', type: 'string', description: 'The version that it brings.', cell: ({ spec }) => spec.version },
    { name: 'Arch', type: 'string', description: 'For which machines.', cell: ({ spec }) => spec.arch ?? 'amd64' },
    {
      name: 'Size',
      type: 'integer',
      description: 'Bytes of all its files.',
      cell: ({ spec }) => spec.files.reduce((sum, { size }) => sum + size, 0),
    },
    ageColumn,
  ],
};

function validateVersion(version: string): FieldError[] {
  return /^[0-9A-Za-z][0-9A-Za-z.+_~-]{0,127}$/.test(version)
    ? []
    : [
        invalidValue(
          'spec.version',
          version,
          'must begin with a digit or letter and have letters, digits and . + - _ ~ only, at most 128',
        ),
      ];
}

/** Clients append a file's name to it, so it can't carry a query. */
function validateUrl(url: string | undefined): FieldError[] {
  if (url === undefined) return [];
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.username !== '' || parsed.password !== '')
    return [invalidValue('spec.url', url, 'must be an http or https URL without credentials')];
  if (parsed.search !== '' || parsed.hash !== '')
    return [invalidValue('spec.url', url, 'must have no query: clients append the name of the file to it')];
  return [];
}

function validateFiles(files: readonly UpdateFile[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, { name, sha256, sha1 }] of files.entries()) {
    const at = `spec.files[${index}]`;
    if (!/^[0-9A-Za-z_][0-9A-Za-z._+-]{0,199}$/.test(name))
      errors.push(invalidValue(`${at}.name`, name, 'must be a plain file name'));
    if (!/^[0-9a-f]{64}$/.test(sha256))
      errors.push(invalidValue(`${at}.sha256`, sha256, 'must be 64 hexadecimal digits in lower case'));
    if (sha1 !== undefined && !/^[0-9a-f]{40}$/.test(sha1))
      errors.push(invalidValue(`${at}.sha1`, sha1, 'must be 40 hexadecimal digits in lower case'));
    if (files.findIndex((other) => other.name === name) < index) errors.push(duplicate(`${at}.name`, name));
  }
  return errors;
}
