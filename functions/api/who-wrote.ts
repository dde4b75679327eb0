import type { AuditedWrite } from './kube/deps.ts';
import type { Who } from '../../store/accounts/audit.ts';

/** The person behind a write, as audit records name people. */
export function whoWrote({ principal: { userId, email, tokenId } }: AuditedWrite): Who {
  return { actor: { kind: 'person', id: userId, name: email, ...(tokenId === undefined ? {} : { tokenId }) } };
}
