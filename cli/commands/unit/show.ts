import { Command } from 'commander';
import type { Event } from '../../../core/resources/schema/event.ts';
import { eventAt, inOrder } from '../../../core/status/event-order.ts';
import type { UnitHost } from '../../../core/resources/schema/unit.ts';
import { unitSummary } from '../../../core/status/unit-summary.ts';
import { CliError } from '../../errors.ts';
import { type Io, line } from '../../io.ts';
import { EVENT, UNIT } from '../../kube/kinds.ts';
import { withCluster } from '../../options.ts';
import { ageOf } from '../../output/age.ts';
import { plainText } from '../../output/colour.ts';
import { printJson } from '../../output/print.ts';
import { printTable } from '../../output/table.ts';
import { openSession, type Session, type SessionOptions } from '../../session.ts';
import { type KubeClient, kindPath } from '../../kube/client.ts';
import { needUnit, stateOf, unitName } from '../../unit/units.ts';
import { whyNot } from '../../unit/wait.ts';

export function catCommand(io: Io): Command {
  return withCluster(new Command('cat'))
    .summary('print unit files as the cluster has them')
    .argument('<unit...>')
    .action(async (names: string[], options: SessionOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      for (const name of names.map(unitName)) {
        const { spec } = await needUnit(kube, name);
        if (session.json) await printJson(io, { name, contents: spec.contents });
        else await io.out.write(spec.contents.endsWith('\n') ? spec.contents : `${spec.contents}\n`);
      }
    });
}

const JOURNAL_LINES = 10;

/** What `systemctl status` tells, of each host, and what the control plane did and why. */
export function statusCommand(io: Io): Command {
  return withCluster(new Command('status'))
    .summary('how a unit stands: where, why, and the end of its journal')
    .argument('<unit...>')
    .action(async (texts: string[], options: SessionOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      for (const [at, text] of texts.entries()) {
        if (at > 0 && !session.json) await line(io.out);
        await showStatus(io, session, kube, unitName(text));
      }
    });
}

async function showStatus(io: Io, session: Session, kube: KubeClient, name: string): Promise<void> {
  const unit = await needUnit(kube, name);
  const fieldSelector = `involvedObject.kind=Unit,involvedObject.uid=${unit.metadata.uid}`;
  const { items: events } = await kube.list<Event>(EVENT, undefined, { fieldSelector });
  if (session.json) return printJson(io, { unit, events });
  const hosts = unit.status?.hosts ?? [];
  await line(io.out, `Unit:     ${name}`);
  await line(io.out, `Desired:  ${unit.spec.desiredState}`);
  await line(io.out, `State:    ${unit.metadata.deletionTimestamp ? 'being destroyed' : stateOf(unit)}`);
  // An inactive one is where it should be.
  const why = unitSummary(unit)?.why ?? [whyNot(unit)];
  for (const each of why) if (each) await line(io.out, `Why:      ${plainText(each)}`);
  if (hosts.length > 0) {
    await line(io.out);
    await printHosts(io, hosts);
  }
  if (hosts.length === 1 && hosts[0]!.hash !== undefined) {
    await line(io.out);
    await printJournal(name);
  }
  if (events.length > 0) {
    await line(io.out);
    await printEvents(io, events);
  }

  async function printJournal(of: string): Promise<void> {
    const path = kindPath(UNIT, { name: of, subresource: 'journal' });
    try {
      const response = await kube.send({ path, query: { lines: JOURNAL_LINES }, accept: '*/*' });
      for await (const chunk of response) await io.out.write(chunk as Uint8Array);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      // The host may be cut off: that is worth knowing, and no reason to tell nothing else.
      await line(io.out, `(no journal: ${plainText(error.message)})`);
    }
  }
}

function printHosts(io: Io, hosts: readonly UnitHost[]): Promise<void> {
  return printTable<UnitHost>(
    io,
    [
      { title: 'HOST', value: ({ nodeName }) => nodeName },
      { title: 'LOAD', value: ({ loadState }) => loadState },
      { title: 'ACTIVE', value: ({ activeState }) => activeState },
      { title: 'SUB', value: ({ subState }) => subState },
      { title: 'SINCE', value: ({ since }) => since && `${ageOf(since, io.now())} ago` },
      { title: 'NOTE', value: ({ leaving, error }) => error ?? (leaving && `leaving: ${leaving}`) },
    ],
    hosts,
  );
}

function printEvents(io: Io, events: readonly Event[]): Promise<void> {
  return printTable<Event>(
    io,
    [
      { title: 'AGE', value: (event) => ageOf(eventAt(event), io.now()) },
      { title: 'REASON', value: ({ reason }) => reason },
      { title: 'MESSAGE', value: ({ message }) => message },
    ],
    events.toSorted(inOrder),
  );
}
