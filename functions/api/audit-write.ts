import type { Logger } from '../../core/ports/logger.ts';
import type { AuditedWrite } from './kube/deps.ts';
import type { Accounts } from '../../store/accounts/accounts.ts';
import { whoWrote } from './who-wrote.ts';

/** Who changed what in a cluster, into the organisation's audit log. Names and verbs only, never contents. */
export async function auditWrite(accounts: Pick<Accounts, 'recordAudit'>, log: Logger, write: AuditedWrite): Promise<void> {
  const { cluster, verb, kind, namespace, name, subresource, host, revision } = write;
  const target = [cluster.name, namespace, name].filter(Boolean).join('/');
  const action = `${kind.toLowerCase()}${subresource ? `/${subresource}` : ''}.${verb}`;
  try {
    await accounts.recordAudit(cluster.tenant, whoWrote(write), action, target, {
      cluster: cluster.id,
      revision,
      ...(host !== undefined && { host }),
    });
  } catch (error) {
    log.error('an audit record could not be written', { error, action, target, revision });
  }
}
