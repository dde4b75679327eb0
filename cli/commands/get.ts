import { Command, Option } from 'commander';
import { CliError, usageError } from '../errors.ts';
import type { HttpRequest } from '../http/client.ts';
import { type Io, line } from '../io.ts';
import type { KubeClient, KubeObject } from '../kube/client.ts';
import { apiVersionOf } from '../kube/kinds.ts';
import { fullName, type Named, parseNamed } from '../kube/names.ts';
import { getTable, type KubeTable, tableColumns } from '../kube/table.ts';
import { type NamespaceOptions, withNamespace } from '../options.ts';
import { printJson, printYaml } from '../output/print.ts';
import { printTable } from '../output/table.ts';
import { openSession } from '../session.ts';
import { follow } from './get-watch.ts';

export interface GetOptions extends NamespaceOptions {
  readonly output?: 'json' | 'yaml' | 'wide' | 'name';
  readonly watch?: boolean;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly header: boolean;
  readonly showLabels?: boolean;
}

export function getCommand(io: Io): Command {
  return withNamespace(new Command('get'))
    .summary('list or show resources')
    .description('Lists resources, or shows those that are named.')
    .argument('<kind>', 'pods, deploy, nodes, ... (several: pods,services), or KIND/NAME')
    .argument('[name...]')
    .addOption(new Option('-o, --output <form>', 'how to print').choices(['json', 'yaml', 'wide', 'name']))
    .option('-w, --watch', 'go on showing changes')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-l, --selector <labels>', 'only with these labels: app=web,tier!=db')
    .option('--field-selector <fields>', 'only with these fields: spec.nodeName=host-1')
    .option('--show-labels', 'a column of labels')
    .option('--no-header', 'no line of titles')
    .addHelpText(
      'after',
      '\nExamples:\n  terrane get pods -o wide\n  terrane get deployment/web -o yaml\n  terrane get events -w',
    )
    .action((kind: string, names: string[], options: GetOptions) => run(io, [kind, ...names], options));
}

async function run(io: Io, words: readonly string[], options: GetOptions): Promise<void> {
  const session = await openSession(io, options);
  const kube = await session.kube();
  const named = await parseNamed(kube, words);
  const output = options.json ? 'json' : options.output;
  const namespace = options.allNamespaces ? undefined : options.namespace;
  const query = { labelSelector: options.selector, fieldSelector: options.fieldSelector };
  if (named.some(({ names }) => names.length > 0)) {
    if (options.selector || options.fieldSelector) throw usageError('names and selectors exclude each other');
    if (options.allNamespaces) throw usageError('names need one namespace: -n NAME instead of -A');
  }
  if (options.watch) {
    const [only, ...more] = named;
    if (!only || more.length > 0 || only.names.length > 1) throw usageError('--watch follows one kind, or one object of it');
    return follow(io, kube, { kind: only.kind, name: only.names[0], namespace, query, output, style: style(options, '') });
  }
  if (output === 'json' || output === 'yaml' || output === 'name') {
    const objects = (await Promise.all(named.map((one) => fetchObjects(kube, one, namespace, query)))).flat();
    if (output === 'name') for (const { kind, object } of objects) await line(io.out, fullName(kind, object.metadata.name));
    else {
      const single = named.length === 1 && named[0]!.names.length === 1;
      const value = single ? objects[0]!.object : { apiVersion: 'v1', kind: 'List', items: objects.map(({ object }) => object) };
      await (output === 'json' ? printJson(io, value) : printYaml(io, value));
    }
    return;
  }
  await printTables(io, kube, named, namespace, query, options);
}

async function fetchObjects(
  kube: KubeClient,
  { kind, names }: Named,
  namespace: string | undefined,
  query: HttpRequest['query'],
) {
  if (names.length > 0) {
    const objects = await Promise.all(names.map((name) => kube.get(kind, { namespace, name })));
    return objects.map((object) => ({ kind, object }));
  }
  const { items } = await kube.list<KubeObject>(kind, namespace, query);
  return items.map((item) => ({ kind, object: { ...item, apiVersion: apiVersionOf(kind), kind: kind.kind } }));
}

async function printTables(
  io: Io,
  kube: KubeClient,
  named: readonly Named[],
  namespace: string | undefined,
  query: HttpRequest['query'],
  options: GetOptions,
): Promise<void> {
  let printed = false;
  const problems: CliError[] = [];
  for (const { kind, names } of named) {
    const tables =
      names.length > 0
        ? await eachNamed(kube, { kind, names }, namespace, problems)
        : [await getTable(kube, kind, { namespace }, query)];
    const rows = tables.flatMap((table) => table.rows);
    if (rows.length === 0) continue;
    if (printed) await line(io.out);
    const columns = tableColumns(tables[0]!, style(options, named.length > 1 ? fullName(kind, '') : '', kind.namespaced));
    await printTable(io, columns, rows, options.header);
    printed = true;
  }
  if (problems[0]) throw problems[0];
  if (!printed)
    await line(
      io.err,
      namespace && named.some(({ kind }) => kind.namespaced) ? `nothing found in namespace ${namespace}` : 'nothing found',
    );
}

/** Those that exist are shown even if others don't. */
async function eachNamed(
  kube: KubeClient,
  { kind, names }: Named,
  namespace: string | undefined,
  problems: CliError[],
): Promise<KubeTable[]> {
  const answers = await Promise.all(
    names.map((name) =>
      getTable(kube, kind, { namespace, name }).catch((error: unknown) => {
        if (!(error instanceof CliError)) throw error;
        problems.push(error);
        return undefined;
      }),
    ),
  );
  return answers.filter((table) => table !== undefined);
}

function style(options: GetOptions, prefix: string, namespaced = true) {
  return {
    wide: options.output === 'wide',
    namespace: (options.allNamespaces ?? false) && namespaced,
    prefix,
    labels: options.showLabels ?? false,
  };
}
