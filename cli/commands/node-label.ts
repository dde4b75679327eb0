import { Command } from 'commander';
import { usageError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { kindPath, type KubeObject } from '../kube/client.ts';
import { NODE } from '../kube/kinds.ts';
import { withCluster } from '../options.ts';
import { printJson } from '../output/print.ts';
import { openSession, type SessionOptions } from '../session.ts';

/** As `kubectl label node`: what pods' selectors and units' MachineMetadata ask for. */
export function labelCommand(io: Io): Command {
  return withCluster(new Command('label'))
    .summary('show or change the labels of a node, which pods and units ask for')
    .argument('<node>')
    .argument('[change...]', 'KEY=VALUE sets a label, KEY- takes it away')
    .action(async (name: string, changes: string[], options: SessionOptions) => {
      const labels = Object.fromEntries(changes.map(labelChange));
      const session = await openSession(io, options);
      const kube = await session.kube();
      const node =
        changes.length === 0
          ? await kube.get<KubeObject>(NODE, { name })
          : await kube.json<KubeObject>({
              method: 'PATCH',
              path: kindPath(NODE, { name }),
              contentType: 'application/merge-patch+json',
              body: { metadata: { labels } },
            });
      if (session.json) return printJson(io, node);
      const lines = Object.entries(node.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
      for (const each of lines.toSorted((a, b) => (a < b ? -1 : 1))) await line(io.out, each);
    });
}

function labelChange(text: string): readonly [key: string, value: string | null] {
  const [, key, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (key !== undefined) return [key, value!];
  if (/^[^=]+-$/.test(text)) return [text.slice(0, -1), null];
  throw usageError(`"${text}" changes no label: KEY=VALUE sets one, KEY- takes it away`);
}
