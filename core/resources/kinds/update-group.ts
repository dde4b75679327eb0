import { type FieldError, forbiddenField, immutable, invalidValue } from '../field-error.ts';
import { parseDuration } from '../go-duration.ts';
import { dnsSubdomain, validateLabels } from '../names.ts';
import { type UpdateGroup, updateGroupSchema, type UpdateWindow } from '../schema/update-group.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

export const updateGroupKind: KindDefinition<'UpdateGroup'> = {
  kind: 'UpdateGroup',
  group: 'terrane.dev',
  version: 'v1',
  plural: 'updategroups',
  singular: 'updategroup',
  shortNames: ['ug'],
  categories: ['updates'],
  namespaced: false,
  subresources: ['status'],
  schema: updateGroupSchema,
  description: 'Instances that follow a channel, under one policy of how fast and when.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  prepareCreate(group) {
    group.status = {};
  },
  /** Careful: one host first, then one an hour, until somebody asks for more. */
  defaults({ spec }) {
    spec.policy ??= {};
    spec.policy.enabled ??= true;
    spec.policy.safeMode ??= true;
    spec.policy.maxUpdatesPerPeriod ??= 1;
    spec.policy.period ??= '1h';
    spec.policy.updateTimeout ??= '1h';
    if (spec.policy.halt?.failedPercent !== undefined) spec.policy.halt.afterFinished ??= 5;
    spec.reboots ??= {};
    spec.reboots.max ??= 1;
    spec.instanceTtl ??= '30d';
    if (spec.hosts) {
      spec.hosts.checkEvery ??= '5m';
      spec.hosts.health ??= {};
      spec.hosts.health.timeout ??= '5m';
    }
  },
  validate: ({ spec }) => [
    ...(['application', 'channel'] as const)
      .filter((field) => spec[field] === '')
      .map((field) => invalidValue(`spec.${field}`, '', 'must not be empty')),
    ...validateDuration('spec.policy.period', spec.policy?.period, 1000),
    ...validateDuration('spec.policy.updateTimeout', spec.policy?.updateTimeout, 60_000),
    ...validateHalt(spec.policy?.halt),
    ...validateDuration('spec.instanceTtl', spec.instanceTtl, 3_600_000),
    ...validateWindows('spec.policy.windows', spec.policy?.windows),
    ...validateWindows('spec.reboots.windows', spec.reboots?.windows),
    ...validateRollout(spec.policy?.rollout),
    ...validateHosts(spec.hosts),
  ],
  validateUpdate: ({ spec }, previous) =>
    spec.application === previous.spec.application ? [] : [immutable('spec.application', spec.application)],
  columns: [
    nameColumn,
    { name: 'Channel', type: 'string', description: 'The channel that it follows.', cell: ({ spec }) => spec.channel },
    { name: 'State', type: 'string', description: 'Active, or what holds it.', cell: state },
    {
      name: 'Version',
      type: 'string',
      description: 'What its instances are being updated to.',
      cell: ({ status }) => status?.version ?? '',
    },
    { name: 'Under-way', type: 'integer', description: 'Updates that have begun.', cell: ({ status }) => status?.underWay ?? 0 },
    { name: 'Completed', type: 'integer', description: 'Instances that have it.', cell: ({ status }) => status?.completed ?? 0 },
    { name: 'Failed', type: 'integer', description: 'Updates that went wrong.', cell: ({ status }) => status?.failed ?? 0 },
    ageColumn,
  ],
};

function state({ spec, status }: UpdateGroup): string {
  if (status?.halted) return `Halted:${status.halted.reason}`;
  if (spec.paused) return 'Paused';
  return spec.policy?.enabled === false ? 'Disabled' : 'Active';
}

function validateHalt(halt: NonNullable<UpdateGroup['spec']['policy']>['halt']): FieldError[] {
  if (!halt) return [];
  if (halt.failedPercent === undefined && halt.unhealthyFor === undefined)
    return [forbiddenField('spec.policy.halt', 'failedPercent or unhealthyFor must say when')];
  return validateDuration('spec.policy.halt.unhealthyFor', halt.unhealthyFor, 1000);
}

function validateDuration(field: string, text: string | undefined, least: number): FieldError[] {
  if (text === undefined) return [];
  const ms = parseDuration(text);
  if (ms === undefined) return [invalidValue(field, text, 'must be a duration such as 90s, 1h30m or 30d')];
  return ms < least ? [invalidValue(field, text, `must be at least ${least / 1000}s`)] : [];
}

function validateWindows(field: string, windows: readonly UpdateWindow[] = []): FieldError[] {
  return windows.flatMap(({ start, duration, timeZone }, index) => {
    const at = `${field}[${index}]`;
    return [
      ...(/^([01]\d|2[0-3]):[0-5]\d$/.test(start)
        ? []
        : [invalidValue(`${at}.start`, start, 'must be a time of day such as 23:30')]),
      ...validateDuration(`${at}.duration`, duration, 60_000),
      ...(timeZone === undefined || isTimeZone(timeZone)
        ? []
        : [invalidValue(`${at}.timeZone`, timeZone, 'must be the IANA name of a time zone such as Europe/Berlin')]),
    ];
  });
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

type Rollout = NonNullable<NonNullable<UpdateGroup['spec']['policy']>['rollout']>;

function validateRollout(rollout: Rollout = {}): FieldError[] {
  const at = 'spec.policy.rollout';
  const { linear, waves } = rollout;
  const errors: FieldError[] = [];
  if (Object.values(rollout).filter((value) => value !== undefined).length > 1)
    errors.push(forbiddenField(at, 'only one of percentage, linear and waves'));
  if (linear) {
    errors.push(...validateTime(`${at}.linear.start`, linear.start));
    errors.push(...validateDuration(`${at}.linear.duration`, linear.duration, 60_000));
    errors.push(...validateDuration(`${at}.linear.frame`, linear.frame, 1000));
  }
  if (waves) {
    errors.push(...validateTime(`${at}.waves.start`, waves.start));
    for (const [index, wave] of waves.order.entries()) {
      errors.push(...validateDuration(`${at}.waves.order[${index}].after`, wave.after, 0));
      errors.push(...validateLabels(wave.matchLabels, `${at}.waves.order[${index}].matchLabels`));
    }
  }
  return errors;
}

function validateHosts(hosts: UpdateGroup['spec']['hosts']): FieldError[] {
  if (!hosts) return [];
  const units = hosts.health?.units ?? [];
  return [
    ...validateDuration('spec.hosts.checkEvery', hosts.checkEvery, 10_000),
    ...validateDuration('spec.hosts.health.timeout', hosts.health?.timeout, 1000),
    ...validateLabels(hosts.matchLabels, 'spec.hosts.matchLabels'),
    ...units.flatMap((unit, index) =>
      /^[A-Za-z0-9:_@.\\][A-Za-z0-9:_@.\\-]*\.[a-z]+$/.test(unit)
        ? []
        : [
            invalidValue(
              `spec.hosts.health.units[${index}]`,
              unit,
              'must be the full name of a systemd unit such as app.service',
            ),
          ],
    ),
    ...(hosts.health?.command?.[0] === '' ? [invalidValue('spec.hosts.health.command[0]', '', 'must be a program')] : []),
  ];
}

function validateTime(field: string, text: string): FieldError[] {
  return /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text))
    ? []
    : [invalidValue(field, text, 'must be a time such as 2026-12-01T08:00:00Z')];
}
