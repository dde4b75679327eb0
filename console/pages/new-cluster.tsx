import { useLocation } from 'preact-iso';
import type { ClusterView } from '../../core/accounts/api.ts';
import { ask } from '../api/http.ts';
import { Cli } from '../components/copy.tsx';
import { Field, Form, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { useAction } from '../state/use-action.ts';

export function NewClusterPage() {
  const { route } = useLocation();
  const create = useAction(async (body: Values) => {
    const { id } = await ask<ClusterView>('/v1/clusters', { method: 'POST', body });
    route(`/cluster/${id}`, true);
  });
  return (
    <Page title="Create a cluster" narrow>
      <Form
        action={create}
        submit="Create the cluster"
        beside={
          <a class="button" href="/">
            Cancel
          </a>
        }
      >
        <Field
          name="name"
          label="Name"
          required
          autoFocus
          maxLength={40}
          autocomplete="off"
          autoCapitalize="none"
          spellcheck={false}
          hint="Lower-case letters, digits and -, for example prod"
          problem={create.problem}
        />
      </Form>
      <Cli>terrane cluster create NAME</Cli>
    </Page>
  );
}
