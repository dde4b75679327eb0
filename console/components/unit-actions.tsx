import { useLocation } from 'preact-iso';
import type { ClusterView } from '../../core/accounts/api.ts';
import { isTemplate } from '../../core/fleet/unit-name.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import { ask } from '../api/http.ts';
import { useMay } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { Confirm } from './confirm.tsx';
import { Problem } from './states.tsx';

interface UnitActionsProps {
  readonly cluster: ClusterView;
  readonly unit: Unit;
  /** Path of the resource. */
  readonly resource: string;
}

/** fleet's verbs, as far as they make sense of the unit as it is. Units are root on hosts: they are for admins. */
export function UnitActions({ cluster, unit, resource }: UnitActionsProps) {
  const may = useMay('admin');
  const { route } = useLocation();
  const { name, deletionTimestamp } = unit.metadata;
  const { desiredState = 'launched', restarts = 0 } = unit.spec;
  const change = useAction((spec: Partial<Unit['spec']>) =>
    ask(resource, { method: 'PATCH', body: { spec }, contentType: 'application/merge-patch+json' }),
  );
  if (!may || deletionTimestamp) return null;
  const somewhere = (unit.status?.hosts?.length ?? 0) > 0;
  const verbs: readonly (readonly [verb: string, offered: boolean, spec: Partial<Unit['spec']>])[] = [
    ['Start', desiredState !== 'launched' && !isTemplate(name), { desiredState: 'launched' }],
    ['Restart', desiredState === 'launched' && somewhere, { restarts: restarts + 1 }],
    ['Stop', desiredState === 'launched' && somewhere, { desiredState: 'loaded' }],
    ['Unload', desiredState !== 'inactive', { desiredState: 'inactive' }],
  ];
  return (
    <>
      <Problem problem={change.problem} />
      <div class="buttons">
        {verbs.map(
          ([verb, offered, spec]) =>
            offered && (
              <button key={verb} type="button" disabled={change.busy} onClick={() => void change.run(spec)}>
                {verb}
              </button>
            ),
        )}
        <Confirm
          verb="Destroy"
          title={`Destroy ${name}?`}
          act={async () => {
            await ask(resource, { method: 'DELETE' });
            route(`/cluster/${cluster.id}/workloads`);
          }}
        >
          <p>It is stopped, and its unit file is forgotten.</p>
        </Confirm>
      </div>
    </>
  );
}
