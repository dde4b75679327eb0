import { Command } from 'commander';
import { confirm } from '../confirm.ts';
import { CliError, usageError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { type KubeClient, type KubeObject, kindPath } from '../kube/client.ts';
import { type KindInfo, NAMESPACE, NODE } from '../kube/kinds.ts';
import { settle } from '../kube/apply.ts';
import { readManifests } from '../kube/manifests.ts';
import { fullName, parseNamed } from '../kube/names.ts';
import { collect, type NamespaceOptions, timeOption, wholeNumber, withNamespace } from '../options.ts';
import { duration } from '../output/age.ts';
import { printJson } from '../output/print.ts';
import { openSession } from '../session.ts';

interface Options extends NamespaceOptions {
  readonly filename?: readonly string[];
  readonly selector?: string;
  readonly all?: boolean;
  readonly gracePeriod?: number;
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout: number;
  readonly ignoreNotFound?: boolean;
  readonly yes?: boolean;
}

interface Victim {
  readonly kind: KindInfo;
  readonly namespace: string | undefined;
  readonly name: string;
}

export function deleteCommand(io: Io): Command {
  return withNamespace(new Command('delete'))
    .summary('delete resources')
    .description('Deletes resources by name, label or file, and waits until they are gone.')
    .argument('[kind]', 'KIND NAME..., or KIND/NAME...')
    .argument('[name...]')
    .option('-f, --filename <file>', 'what a file names (repeatable)', collect)
    .option('-l, --selector <labels>', 'all of a kind with these labels')
    .option('--all', 'all of a kind in the namespace')
    .option('--grace-period <seconds>', 'time for containers to end by themselves', wholeNumber)
    .option('--no-wait', "don't wait until they are gone")
    .addOption(timeOption('--timeout <time>', 'how long to wait', '5m'))
    .option('--ignore-not-found', 'no error for what is not there')
    .option('-y, --yes', "don't ask (for --all, namespaces and nodes)")
    .action((kind: string | undefined, names: string[], options: Options) =>
      run(io, kind === undefined ? [] : [kind, ...names], options),
    );
}

async function run(io: Io, words: readonly string[], options: Options): Promise<void> {
  if (words.length > 0 === (options.filename !== undefined)) throw usageError('say what to delete: KIND NAME, or -f FILE');
  const session = await openSession(io, options);
  const kube = await session.kube();
  const victims = options.filename ? await fromFiles(io, kube, options) : await fromWords(kube, words, options);
  const list = victims.map(({ kind, name }) => fullName(kind, name)).join(', ');
  if (victims.length > 0 && (options.all || victims.some(({ kind }) => kind === NAMESPACE || kind === NODE)))
    await confirm(io, `Delete ${list}?`, options.yes);

  const deleted: { victim: Victim; uid: string | undefined }[] = [];
  for (const victim of victims) {
    const uid = await deleteOne(kube, victim, options);
    if (uid === false) continue;
    deleted.push({ victim, uid });
    if (!session.json) await line(io.out, `${fullName(victim.kind, victim.name)} deleted`);
  }
  if (victims.length === 0 && !session.json) await line(io.err, 'nothing to delete');
  if (options.wait) for (const { victim, uid } of deleted) await waitGone(io, kube, victim, uid, options.timeout);
  if (session.json)
    await printJson(io, {
      deleted: deleted.map(({ victim: { kind, namespace, name } }) => ({ kind: kind.kind, namespace, name })),
    });
}

async function fromFiles(io: Io, kube: KubeClient, { filename = [], namespace }: Options): Promise<Victim[]> {
  const settled = await settle(kube, await readManifests(io, filename, false), { name: namespace, explicit: false });
  // The other way round than they were made: namespaces last.
  return settled.map(({ kind, namespace, manifest }) => ({ kind, namespace, name: manifest.object.metadata.name })).reverse();
}

async function fromWords(kube: KubeClient, words: readonly string[], { namespace, selector, all }: Options): Promise<Victim[]> {
  const named = await parseNamed(kube, words);
  const chosen = await Promise.all(
    named.map(async ({ kind, names }) => {
      const home = kind.namespaced ? namespace : undefined;
      if (names.length > 0) return names.map((name) => ({ kind, namespace: home, name }));
      if (!selector && !all) throw usageError(`which ${kind.plural}?`, `Name them, or: --all, -l LABELS`);
      const { items } = await kube.list(kind, home, { labelSelector: selector });
      return items.map(({ metadata }) => ({ kind, namespace: home, name: metadata.name }));
    }),
  );
  return chosen.flat();
}

/** The uid of what was deleted; false when it wasn't there and that is no error. */
async function deleteOne(kube: KubeClient, victim: Victim, options: Options): Promise<string | undefined | false> {
  const path = kindPath(victim.kind, victim);
  const body = {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    propagationPolicy: 'Background',
    gracePeriodSeconds: options.gracePeriod,
  };
  try {
    const answer = await kube.json<KubeObject & { details?: { uid?: string } }>({ method: 'DELETE', path, body });
    return answer.details?.uid ?? answer.metadata?.uid;
  } catch (error) {
    if (options.ignoreNotFound && error instanceof CliError && error.status === 404) return false;
    throw error;
  }
}

async function waitGone(
  io: Io,
  kube: KubeClient,
  victim: Victim,
  uid: string | undefined,
  timeoutSeconds: number,
): Promise<void> {
  const started = io.now();
  for (;;) {
    try {
      const object = await kube.get(victim.kind, victim);
      if (uid !== undefined && object.metadata.uid !== uid) return;
    } catch (error) {
      if (error instanceof CliError && error.status === 404) return;
      throw error;
    }
    if (io.now() - started > timeoutSeconds * 1000)
      throw new CliError(`${fullName(victim.kind, victim.name)} is still ending after ${duration(timeoutSeconds * 1000)}`, {
        fix: `It is deleted as soon as its host says that nothing is left. See: terrane describe ${victim.kind.kind.toLowerCase()} ${victim.name}`,
      });
    await io.sleep(300);
  }
}
