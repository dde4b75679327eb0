import type { Node } from '../../core/resources/schema/node.ts';
import type { NodeSummary } from '../../core/status/summarise.ts';
import { Badge } from './badge.tsx';

export function NodeState({ summary }: { readonly summary: NodeSummary }) {
  const { state, cordoned } = summary;
  return (
    <>
      <Badge tone={state === 'Ready' ? 'good' : state === 'NotReady' ? 'bad' : 'warn'}>
        {state === 'Ready' ? 'Ready' : state === 'NotReady' ? 'Not ready' : 'Not heard of'}
      </Badge>
      {cordoned && <Badge tone="warn">Cordoned</Badge>}
    </>
  );
}

export const addressOf = ({ status }: Node): string | undefined =>
  status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
