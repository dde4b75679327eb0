import { Command } from 'commander';
import type { UnitState } from '../../../core/fleet/current-state.ts';
import type { Unit } from '../../../core/resources/schema/unit.ts';
import { CliError } from '../../errors.ts';
import { type Io, line } from '../../io.ts';
import { type KubeClient, kindPath } from '../../kube/client.ts';
import { UNIT } from '../../kube/kinds.ts';
import { timeOption, withCluster } from '../../options.ts';
import { note, printJson } from '../../output/print.ts';
import { openSession, type SessionOptions } from '../../session.ts';
import { localText, saysTheSame, templateText, unitText } from '../../unit/unit-text.ts';
import { changeUnit, createUnit, findUnit, hostsOf, needUnit, stateOf, unitName } from '../../unit/units.ts';
import { waitForState, waitUntilGone, type Waiting } from '../../unit/wait.ts';

interface Options extends SessionOptions {
  readonly replace?: boolean;
  /** commander: --no-block. */
  readonly block: boolean;
  /** Seconds. */
  readonly timeout: number;
}

/** The verbs that change units. fleetctl's, with the same arguments. */
export function changeCommands(io: Io): Command[] {
  const bring = (verb: string, summary: string, state: UnitState) =>
    withWaiting(verb, summary)
      .argument('<unit...>', 'unit files, or names of units or of instances of a template')
      .option('--replace', 'where the cluster has another text under the name, take that of the file or of the template')
      .action((names: string[], options: Options) =>
        forEach(io, names, options, (kube, name) => reach(io, kube, name, state, options)),
      );
  const change = (verb: string, summary: string, act: Act) =>
    withWaiting(verb, summary)
      .argument('<unit...>')
      .action((names: string[], options: Options) =>
        forEach(io, names, options, (kube, name) => act(io, kube, unitName(name), options)),
      );
  return [
    bring('submit', 'give the cluster unit files, and nothing more', 'inactive'),
    bring('load', 'place units on hosts, without starting them', 'loaded'),
    bring('start', 'start units: they are placed, and run', 'launched'),
    change('stop', 'stop units where they are', stop),
    change('unload', 'stop units and take them off their hosts', (...args) => want(...args, 'inactive')),
    change('restart', 'stop units and start them again', restart),
    change('destroy', 'stop units and forget them', destroy),
  ];
}

type Act = (io: Io, kube: KubeClient, name: string, options: Options) => Promise<Unit | undefined>;

function withWaiting(verb: string, summary: string): Command {
  return withCluster(new Command(verb))
    .summary(summary)
    .option('--no-block', "don't wait until it is so")
    .addOption(timeOption('--timeout <time>', 'how long to wait', '5m'));
}

/** One after the other; what goes wrong with one does not keep the others from theirs. */
async function forEach(
  io: Io,
  names: readonly string[],
  options: Options,
  act: (kube: KubeClient, name: string) => Promise<Unit | undefined>,
): Promise<void> {
  const session = await openSession(io, options);
  const kube = await session.kube();
  const results: unknown[] = [];
  let problem: unknown;
  for (const name of names) {
    try {
      const unit = await act(kube, name);
      if (unit) results.push(unit);
      if (!session.json) await line(io.out, sentence(unitName(name), unit));
    } catch (error) {
      if (problem !== undefined && error instanceof CliError) await note(io, session.json, `error: ${error.message}`);
      problem ??= error;
    }
  }
  if (session.json) await printJson(io, { units: results });
  if (problem !== undefined) throw problem;
}

function sentence(name: string, unit: Unit | undefined): string {
  if (!unit) return `unit ${name} destroyed`;
  const hosts = hostsOf(unit);
  const where = hosts.length === 0 ? '' : hosts.length > 3 ? ` on ${hosts.length} hosts` : ` on ${hosts.join(', ')}`;
  return `unit ${name} ${stateOf(unit)}${where}`;
}

const waitingOf = ({ timeout, json }: Options): Waiting => ({ timeoutSeconds: timeout, quiet: json ?? false });

async function reach(io: Io, kube: KubeClient, argument: string, desiredState: UnitState, options: Options): Promise<Unit> {
  const name = unitName(argument);
  let unit = await findUnit(kube, name);
  if (unit?.metadata.deletionTimestamp) {
    await waitUntilGone(io, kube, name, unit.metadata.uid, waitingOf(options));
    unit = undefined;
  }
  if (!unit) {
    unit = await createUnit(kube, name, { contents: await unitText(kube, argument), desiredState });
    return settled(io, kube, unit, desiredState, options);
  }
  const file = await localText(argument);
  const text = file ?? (await templateText(kube, name));
  const other = text !== undefined && !saysTheSame(text, unit);
  const whose = file === undefined ? 'its template' : 'the file';
  if (other && !options.replace)
    await note(
      io,
      options.json ?? false,
      `unit ${name} in the cluster has another text than ${whose}: add --replace to take ${file === undefined ? "the template's" : "the file's"}`,
    );
  const contents = other && options.replace ? { contents: text } : {};
  // As with fleetctl, submitting what is there does not stop it.
  if (desiredState === 'inactive' && !('contents' in contents)) return unit;
  unit = await changeUnit(kube, name, { ...contents, desiredState });
  return settled(io, kube, unit, desiredState, options);
}

function settled(io: Io, kube: KubeClient, unit: Unit, state: UnitState, options: Options): Promise<Unit> {
  if (!options.block) return Promise.resolve(unit);
  return waitForState(io, kube, unit.metadata.name, state, waitingOf(options));
}

async function want(io: Io, kube: KubeClient, name: string, options: Options, state: UnitState): Promise<Unit> {
  await needUnit(kube, name);
  return settled(io, kube, await changeUnit(kube, name, { desiredState: state }), state, options);
}

/** One that is on no host is not put on one to be stopped there. */
async function stop(io: Io, kube: KubeClient, name: string, options: Options): Promise<Unit> {
  const unit = await needUnit(kube, name);
  if (unit.spec.desiredState === 'inactive')
    throw new CliError(`unit ${name} is not loaded: there is nothing to stop`, { fix: `Start it: terrane unit start ${name}` });
  return want(io, kube, name, options, 'loaded');
}

async function restart(io: Io, kube: KubeClient, name: string, options: Options): Promise<Unit> {
  const unit = await needUnit(kube, name);
  if (unit.spec.desiredState === 'inactive')
    throw new CliError(`unit ${name} is not loaded: there is nothing to restart`, {
      fix: `Start it: terrane unit start ${name}`,
    });
  const restarts = (unit.spec.restarts ?? 0) + 1;
  return settled(io, kube, await changeUnit(kube, name, { desiredState: 'launched', restarts }), 'launched', options);
}

async function destroy(io: Io, kube: KubeClient, name: string, options: Options): Promise<undefined> {
  const { metadata } = await needUnit(kube, name);
  await kube.json({ method: 'DELETE', path: kindPath(UNIT, { name }) });
  if (options.block) await waitUntilGone(io, kube, name, metadata.uid, waitingOf(options));
}
