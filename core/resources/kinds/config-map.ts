import { SETTINGS_NAME, SETTINGS_NAMESPACE, settingsProblems } from '../../controllers/settings.ts';
import type { ReadView } from '../../keyspace/types.ts';
import { SERVICE_CIDR_KEY } from '../../network/service-cidr.ts';
import { serviceCidrOverlap } from '../../network/service-overlap.ts';
import { invalid } from '../status.ts';
import { dnsSubdomain } from '../names.ts';
import { type ConfigMap, configMapSchema } from '../schema/config-map.ts';
import { ageColumn, nameColumn } from './columns.ts';
import { validateDataKeys, validateFrozenData } from './data-keys.ts';
import type { KindDefinition } from './definition.ts';

export const configMapKind: KindDefinition<'ConfigMap'> = {
  kind: 'ConfigMap',
  group: '',
  version: 'v1',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  categories: [],
  namespaced: true,
  subresources: [],
  schema: configMapSchema,
  description: 'Configuration that pods read as variables or files.',
  nameRule: dnsSubdomain,
  countsGenerations: false,
  defaults: () => {},
  admit: refuseOverlap,
  admitUpdate: (next, _previous, view) => refuseOverlap(next, view),
  validate: (map) => [
    ...validateDataKeys({ data: map.data, binaryData: map.binaryData }, ['binaryData']),
    ...(isSettings(map) ? settingsProblems(map.data ?? {}) : []),
  ],
  validateUpdate: (next, previous) => validateFrozenData(next, previous, ['data', 'binaryData']),
  columns: [
    nameColumn,
    {
      name: 'Data',
      type: 'integer',
      description: 'Number of keys.',
      cell: ({ data = {}, binaryData = {} }) => Object.keys(data).length + Object.keys(binaryData).length,
    },
    ageColumn,
  ],
};

/** The cluster's own settings: times that are unsafe together are refused here, not found out when a host is lost. */
function isSettings({ metadata }: ConfigMap): boolean {
  return metadata.namespace === SETTINGS_NAMESPACE && metadata.name === SETTINGS_NAME;
}

function refuseOverlap(map: ConfigMap, view: ReadView): void {
  const errors = isSettings(map) ? serviceCidrOverlap(map.data?.[SERVICE_CIDR_KEY], view) : [];
  if (errors.length > 0) throw invalid(configMapKind, map.metadata.name, errors);
}
