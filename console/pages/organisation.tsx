import { useState } from 'preact/hooks';
import type { UsageView, UsedOf } from '../../core/accounts/api.ts';
import { bytesText } from '../../core/accounts/bytes-text.ts';
import { ask } from '../api/http.ts';
import { Cli } from '../components/copy.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Field, Form, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Loading, Problem } from '../components/states.tsx';
import { useMay, useMe, useSession } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { useLoad } from '../state/use-load.ts';

export function OrganisationPage() {
  const { organisation } = useMe();
  const mayOwn = useMay('owner');
  return (
    <Page title={organisation.name}>
      <Usage />
      {mayOwn && (
        <section aria-labelledby="export">
          <h2 id="export">Take everything out</h2>
          <p>
            Members, clusters with all their resources, tokens and the audit log, one JSON document a line. Kubernetes Secrets are
            in it: keep it safe.
          </p>
          <div class="buttons">
            <a class="button" href="/v1/organisation/export" download target="_top">
              Export the organisation
            </a>
          </div>
          <Cli>{'terrane org export > organisation.ndjson'}</Cli>
        </section>
      )}
      {mayOwn && <Deletion name={organisation.name} />}
    </Page>
  );
}

function Usage() {
  const { data, problem, reload } = useLoad<UsageView>('/v1/usage');
  const rows =
    data &&
    ([
      ['Nodes', data.nodes, String],
      ['Clusters', data.clusters, String],
      ['Members', data.members, String],
      ['Key-value stores', data.kvBytes, bytesText],
      ['Image repositories', data.repositories, String],
    ] as const);
  return (
    <section aria-labelledby="usage">
      <h2 id="usage">Usage{data && ` in the plan ${data.plan}`}</h2>
      <Problem problem={problem} retry={reload} />
      {!rows && !problem && <Loading what="the usage" />}
      {rows?.map(([name, of, say]) => (
        <Used key={name} name={name} of={of} say={say} />
      ))}
      {data && (
        <p>
          Requests in {data.requests.month}, which have no limit: {COUNT.format(data.requests.api)} of people and their tools,{' '}
          {COUNT.format(data.requests.node)} of hosts, {COUNT.format(data.requests.updates)} for updates.
        </p>
      )}
      {data?.imageBytes !== undefined && <p>Images: {bytesText(data.imageBytes)}</p>}
      <Cli>terrane org usage</Cli>
    </section>
  );
}

const COUNT = new Intl.NumberFormat('en');

interface UsedProps {
  readonly name: string;
  readonly of: UsedOf;
  readonly say: (amount: number) => string;
}

function Used({ name, of: { used, limit }, say }: UsedProps) {
  return (
    <p class="used">
      <span>
        {name}: {say(used)} of {say(limit)}
      </span>
      <progress aria-label={name} max={Math.max(limit, 1)} value={Math.min(used, limit)} />
      {used >= limit && <strong>The plan allows no more.</strong>}
    </p>
  );
}

function Deletion({ name }: { readonly name: string }) {
  const { lost } = useSession();
  const [open, setOpen] = useState(false);
  const remove = useAction(async ({ confirm }: Values) => {
    await ask('/v1/organisation', { method: 'DELETE', body: { confirm } });
    lost();
  });
  return (
    <section aria-labelledby="deletion">
      <h2 id="deletion">Delete the organisation</h2>
      <p>All its clusters, hosts, tokens and records go, at once and for good. Export it first.</p>
      <button type="button" onClick={() => setOpen(true)}>
        Delete the organisation
      </button>
      {open && (
        <Dialog title={`Delete ${name}?`} close={() => setOpen(false)}>
          <Form action={remove} submit="Delete everything" danger>
            <p>
              Nobody can bring it back. Type <strong>{name}</strong> to go on.
            </p>
            <Field name="confirm" label="Name of the organisation" required autocomplete="off" problem={remove.problem} />
          </Form>
        </Dialog>
      )}
      <Cli>{`terrane org delete "${name}"`}</Cli>
    </section>
  );
}
