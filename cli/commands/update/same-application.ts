import { applicationOf } from '../../../core/updates/settings.ts';
import { CliError } from '../../errors.ts';
import type { KubeObject } from '../../kube/client.ts';

/** A channel or package: it is of one application. */
export interface OfApplication extends KubeObject {
  readonly spec: { readonly application: string };
}

/** Throws if hosts that follow the channel would not get what it is to name. `from`: what that is, and what it updates. */
export function requireSameApplication(from: string, application: string, { metadata, spec }: OfApplication): void {
  if (applicationOf(application) === applicationOf(spec.application)) return;
  throw new CliError(`${from} is of ${application}, and channel ${metadata.name} of ${spec.application}: no host would get it`, {
    code: 'other_application',
    fix: `Make a channel for it: terrane update channel create NAME --application ${application}`,
  });
}
