import { parsedUnit } from '../../controllers/units/parsed.ts';
import { UNIT_FINALIZER } from '../../controllers/units/unit-controller.ts';
import type { TxnView } from '../../keyspace/types.ts';
import type { Unit, UnitHost } from '../../resources/schema/unit.ts';
import { createResource, getResource, updateResource, type WriteContext } from '../../resources/write.ts';
import { timestamp } from '../../resources/timestamp.ts';
import { requirementsOf } from '../requirements.ts';
import { parseUnitFile, serializeUnitFile, UnitFileError, type UnitOption } from '../unit-file.ts';
import { unitHash } from '../unit-hash.ts';
import { isTemplate } from '../unit-name.ts';
import { unitProblem } from '../validate-unit.ts';
import { FleetError } from './shapes.ts';

export interface PutUnit {
  readonly options: readonly UnitOption[];
  readonly desiredState: string | undefined;
}

const STATES = ['inactive', 'loaded', 'launched'] as const;
type State = (typeof STATES)[number];

export interface PutResult {
  /** 201 for a new unit or a new text, else 204. */
  readonly status: 201 | 204;
  readonly verb: 'create' | 'update';
}

/**
 * fleet's PUT /units/<name>: a new unit, a new text for it, or another desired state. Throws FleetError: 409 for what there is nothing to do with, 400 for
 * what is wrong in itself.
 */
export function putUnit(txn: TxnView, name: string, { options, desiredState }: PutUnit, ctx: WriteContext): PutResult {
  const stored = getResource(txn, 'Unit', '', name);
  const existing = stored?.metadata.deletionTimestamp ? undefined : stored;
  if (!existing && options.length === 0)
    throw new FleetError(409, `unit does not exist and options field empty: give the options of ${name} to create it`);
  if (existing && (options.length === 0 || unitHash(options) === parsedUnit(existing).hash)) {
    if (!desiredState) throw new FleetError(409, 'must provide DesiredState to update existing unit');
    updateResource(txn, withSpec(existing, { desiredState: stateFrom(name, desiredState) }), ctx);
    return { status: 204, verb: 'update' };
  }
  const contents = contentsFrom(name, options);
  // Leaving the state out means inactive, of an existing unit, too.
  const spec = { contents, desiredState: stateFrom(name, desiredState || 'inactive') };
  if (existing) updateResource(txn, withSpec(existing, spec), ctx);
  else if (stored) succeed(txn, stored, spec, ctx);
  else createResource(txn, 'Unit', { metadata: { name }, spec }, ctx);
  return { status: 201, verb: existing ? 'update' : 'create' };
}

function withSpec(unit: Unit, spec: Partial<Unit['spec']>): Unit {
  return { ...unit, spec: { ...unit.spec, ...spec } };
}

function stateFrom(name: string, text: string): State {
  const state = STATES.find((each) => each === text);
  if (!state)
    throw new FleetError(400, `invalid desiredState ${JSON.stringify(text.slice(0, 40))}: must be one of ${STATES.join(', ')}`);
  if (state !== 'inactive' && isTemplate(name))
    throw new FleetError(400, `cannot activate template "${name}": start an instance of it, such as ${name.replace('@', '@1')}`);
  return state;
}

/** The unit file that the options make. Throws FleetError 400 if they make none, or one that reads otherwise. */
function contentsFrom(name: string, options: readonly UnitOption[]): string {
  const tidy = options.map((option) => ({
    section: option.section.trim(),
    name: option.name.trim(),
    value: option.value.trim(),
  }));
  const contents = serializeUnitFile(tidy);
  const problem = problemOf(name, contents, tidy);
  if (problem !== undefined) throw new FleetError(400, problem);
  return contents;
}

function problemOf(name: string, contents: string, options: readonly UnitOption[]): string | undefined {
  try {
    const read = parseUnitFile(contents);
    const same = (one: UnitOption, other: UnitOption) =>
      one.section === other.section && one.name === other.name && one.value === other.value;
    const kept = read.length === options.length && options.every((option) => read.some((each) => same(each, option)));
    if (!kept || serializeUnitFile(read) !== contents)
      return 'an option would be read as something else: end each line of a value that goes on with a backslash, begin no name with [, # or ;, and put no = into one';
    return unitProblem(name, read);
  } catch (error) {
    if (error instanceof UnitFileError) return error.message;
    throw error;
  }
}

/**
 * A unit of the name of one that is still being stopped: it begins with the hosts that have the other, and is placed when they have let go of it. Where
 * both run on each host nobody has to wait: each host changes one for the other.
 */
function succeed(txn: TxnView, earlier: Unit, spec: Pick<Unit['spec'], 'contents' | 'desiredState'>, ctx: WriteContext): void {
  const { name, uid, finalizers } = earlier.metadata;
  updateResource(txn, { ...earlier, metadata: { ...earlier.metadata, finalizers: [] } }, ctx);
  const both = [parsedUnit(earlier).requirements, requirementsOf(name, parseUnitFile(spec.contents))];
  const hosts = both.every(({ global }) => global) ? [] : (earlier.status?.hosts ?? []).map((host) => left(host, uid, ctx));
  const held = hosts.length > 0;
  const others = finalizers?.filter((finalizer) => finalizer !== UNIT_FINALIZER) ?? [];
  const metadata = { name, ...(held && { finalizers: [...others, UNIT_FINALIZER] }) };
  const made = createResource(txn, 'Unit', { metadata, spec }, ctx);
  if (!held) return;
  const { placements = 0 } = earlier.status ?? {};
  updateResource(txn, { ...made, status: { ...made.status, hosts, placements } }, ctx, { subresource: 'status' });
}

function left(host: UnitHost, uid: string, { now }: WriteContext): UnitHost {
  const { nodeName, placement, placedAt, fenced, leavingSince = timestamp(now) } = host;
  return {
    nodeName,
    placement,
    placedAt,
    fenced,
    uid: host.uid ?? uid,
    leaving: 'another unit has taken its name',
    leavingSince,
  };
}
