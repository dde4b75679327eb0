import { Command } from 'commander';
import type { Pod } from '../../core/resources/schema/pod.ts';
import { CliError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { type KubeClient, kindPath, type KubeObject } from '../kube/client.ts';
import { POD } from '../kube/kinds.ts';
import { lines } from '../kube/lines.ts';
import { parseOne } from '../kube/names.ts';
import { type NamespaceOptions, timeSpan, wholeNumber, withNamespace } from '../options.ts';
import { openSession } from '../session.ts';

interface Options extends NamespaceOptions {
  readonly follow?: boolean;
  readonly container?: string;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tail?: number;
  /** Seconds. */
  readonly since?: number;
}

/** One container whose log is read. */
interface Source {
  readonly pod: string;
  readonly container: string;
}

export function logsCommand(io: Io): Command {
  return withNamespace(new Command('logs'))
    .summary('what containers print')
    .description('Prints the log of a pod, or of all pods of a Deployment.')
    .argument('<pod>', 'name of a pod, or deployment/NAME')
    .option('-f, --follow', 'go on as more comes')
    .option('-c, --container <name>', 'which container, if there are several (default: all)')
    .option('-p, --previous', 'of the run before the last restart')
    .option('--timestamps', 'with the time of each line')
    .option('--tail <lines>', 'only the last lines', wholeNumber)
    .option('--since <time>', 'only of the last 10m, 2h, ...', timeSpan)
    .action((name: string, options: Options) => run(io, name, options));
}

async function run(io: Io, name: string, options: Options): Promise<void> {
  const session = await openSession(io, options);
  const kube = await session.kube();
  const pods = await podsOf(kube, name, options.namespace);
  const sources = pods.flatMap((pod) => containersOf(pod, options.container));
  if (sources.length === 0)
    throw new CliError(`${name} has no pods`, { fix: `See why: terrane describe ${name.replace('/', ' ')}` });
  // With several it must be said whose line it is.
  const label = ({ pod, container }: Source) =>
    pods.length > 1 ? `[${pod}${severalIn(sources, pod) ? ` ${container}` : ''}] ` : sources.length > 1 ? `[${container}] ` : '';
  const read = (source: Source) => copy(io, kube, source, session.json ? undefined : label(source), options);
  if (options.follow) await Promise.all(sources.map(read));
  else for (const source of sources) await read(source);
}

async function podsOf(kube: KubeClient, name: string, namespace: string): Promise<Pod[]> {
  if (!name.includes('/')) return [await kube.get<Pod>(POD, { namespace, name })];
  const one = await parseOne(kube, [name]);
  if (one.kind === POD) return [await kube.get<Pod>(POD, { namespace, name: one.name })];
  const owner = await kube.get<KubeObject & { spec?: { selector?: { matchLabels?: Record<string, string> } } }>(one.kind, {
    namespace,
    name: one.name,
  });
  const labels = owner.spec?.selector?.matchLabels;
  if (!labels) throw new CliError(`a ${one.kind.kind} has no pods of its own`);
  const labelSelector = Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  return (await kube.list<Pod>(POD, namespace, { labelSelector })).items;
}

function containersOf(pod: Pod, wanted: string | undefined): Source[] {
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name);
  if (wanted && !all.includes(wanted))
    throw new CliError(`pod ${pod.metadata.name} has no container ${wanted}`, { fix: `It has: ${all.join(', ')}` });
  const names = wanted ? [wanted] : pod.spec.containers.map(({ name }) => name);
  return names.map((container) => ({ pod: pod.metadata.name, container }));
}

function severalIn(sources: readonly Source[], pod: string): boolean {
  return sources.filter((source) => source.pod === pod).length > 1;
}

/** `label` undefined: a JSON object a line. */
async function copy(
  io: Io,
  kube: KubeClient,
  { pod, container }: Source,
  label: string | undefined,
  options: Options,
): Promise<void> {
  const { namespace, follow, previous, timestamps, tail: tailLines, since: sinceSeconds } = options;
  const path = kindPath(POD, { namespace, name: pod, subresource: 'log' });
  const query = { container, follow, previous, timestamps, tailLines, sinceSeconds };
  const response = await kube.send({ path, query, accept: '*/*' });
  if (label === '') for await (const chunk of response) await io.out.write(chunk as Uint8Array);
  else if (label !== undefined) for await (const text of lines(response)) await line(io.out, label + text);
  else for await (const text of lines(response)) await line(io.out, JSON.stringify({ namespace, pod, container, line: text }));
}
