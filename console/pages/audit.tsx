import { useState } from 'preact/hooks';
import type { AuditView } from '../../core/accounts/api.ts';
import { ask } from '../api/http.ts';
import { Cli } from '../components/copy.tsx';
import { Field, Form, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Empty, Loading, Problem } from '../components/states.tsx';
import { type Column, Table } from '../components/table.tsx';
import { When } from '../components/when.tsx';
import { useAction } from '../state/use-action.ts';
import { useLoad } from '../state/use-load.ts';

interface Answer {
  readonly records: readonly AuditView[];
  readonly next?: string;
}

const COLUMNS: readonly Column<AuditView>[] = [
  { title: 'When', cell: ({ at }) => <When at={at} /> },
  {
    title: 'Who',
    cell: ({ actor, ip }) => (
      <>
        {actor.name ?? actor.id} {actor.tokenId && <span class="quiet">by token {actor.tokenId}</span>}{' '}
        {ip && <span class="quiet">from {ip}</span>}
      </>
    ),
  },
  { title: 'Action', cell: ({ action }) => <code>{action}</code> },
  {
    title: 'On',
    cell: ({ target, details }) => (
      <>
        <span class="name">{target}</span> {details?.['host'] && <span class="quiet">on {details['host']}</span>}
      </>
    ),
  },
];

export function AuditPage() {
  const [filter, setFilter] = useState('');
  return (
    <Page title="Audit log">
      <Filter set={setFilter} />
      <Records key={filter} filter={filter} />
      <Cli>{['terrane org audit', 'terrane org audit --since 2026-01-31 --action token.']}</Cli>
    </Page>
  );
}

function Filter({ set }: { readonly set: (filter: string) => void }) {
  const search = useAction(async (values: Values) => {
    const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
    set(new URLSearchParams(given).toString());
  });
  return (
    <Form action={search} submit="Search">
      <div class="row">
        <Field name="action" label="Action" placeholder="token." autocomplete="off" autoCapitalize="none" />
        <Field name="actor" label="Who" placeholder="you@example.com" autocomplete="off" autoCapitalize="none" />
        <Field name="since" label="Since" type="date" />
        <Field name="until" label="Until" type="date" />
      </div>
    </Form>
  );
}

function Records({ filter }: { readonly filter: string }) {
  const { data, problem, reload } = useLoad<Answer>(`/v1/audit?${filter}`);
  const [older, setOlder] = useState<Answer>();
  const more = useAction(async (next: string) => {
    const answer = await ask<Answer>(`/v1/audit?${filter}&${new URLSearchParams({ before: next })}`);
    setOlder({ ...answer, records: [...(older?.records ?? []), ...answer.records] });
  });
  if (!data) return problem ? <Problem problem={problem} retry={reload} /> : <Loading what="the audit log" />;
  const records = [...data.records, ...(older?.records ?? [])];
  const next = older ? older.next : data.next;
  return (
    <>
      {records.length === 0 ? (
        <Empty>
          <p>No record matches.</p>
        </Empty>
      ) : (
        <Table caption="Audit records, newest first" columns={COLUMNS} rows={records} keyOf={({ id }) => id} />
      )}
      <Problem problem={more.problem} />
      <div class="buttons">
        {next && (
          <button type="button" disabled={more.busy} onClick={() => void more.run(next)}>
            Show older
          </button>
        )}
        {/* _top: a real navigation, which the router leaves alone. */}
        <a class="button" href={`/v1/audit/export?${filter}`} download target="_top">
          Export all that match
        </a>
      </div>
    </>
  );
}
