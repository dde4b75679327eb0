import type { Deployment } from '../../core/resources/schema/deployment.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import { CliError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { duration } from '../output/age.ts';
import { type KubeClient, kindPath } from './client.ts';
import { DEPLOYMENT, POD } from './kinds.ts';
import { podTrouble } from '../../core/status/pod-trouble.ts';
import { rolloutState } from '../../core/status/rollout-state.ts';

const POLL_MS = 500;

/** Waits until a Deployment is rolled out, telling how it goes. Throws, with the reasons, when it fails or takes too long. */
export async function followRollout(
  io: Io,
  kube: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { timeoutSeconds, quiet }: { readonly timeoutSeconds: number; readonly quiet: boolean },
): Promise<Deployment> {
  const started = io.now();
  let said = '';
  for (;;) {
    const deployment = await kube.get<Deployment>(DEPLOYMENT, { namespace, name });
    const state = rolloutState(deployment);
    const late = io.now() - started > timeoutSeconds * 1000;
    if (state.done || state.failed || late) {
      if (state.done) return deployment;
      const why = await reasons(kube, deployment);
      const what = state.failed ? state.words : `not done after ${duration(timeoutSeconds * 1000)}: ${state.words}`;
      throw new CliError([`deployment ${name}: ${what}`, ...why].join('\n  '), {
        code: 'rollout_failed',
        fix: `It goes on by itself. See: terrane describe deployment ${name} -n ${namespace}, terrane status`,
      });
    }
    const words = [state.words, ...(await reasons(kube, deployment))].join('; ');
    if (words !== said && !quiet) await line(io.err, `deployment ${name}: ${words}`);
    said = words;
    await io.sleep(POLL_MS);
  }
}

/** What is wrong with its pods, each reason once. */
async function reasons(kube: KubeClient, { metadata, spec }: Deployment): Promise<string[]> {
  const labelSelector = Object.entries(spec.selector.matchLabels ?? {})
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  const path = kindPath(POD, { namespace: metadata.namespace ?? 'default' });
  const { items } = await kube.json<{ items: Pod[] }>({ path, query: { labelSelector } });
  return [...new Set(items.map(podTrouble).filter((trouble) => trouble !== undefined))];
}
