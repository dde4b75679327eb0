import type { DataKeys } from '../../core/secrets/data-key.ts';
import { openDataKeys } from '../../store/data-keys.ts';
import { kmsEncryption } from '../../store/kms-encryption.ts';
import { dynamoTable } from '../../store/table.ts';
import { required } from './environment.ts';
import type { HostedStore } from './store.ts';

/** Organisations' data keys, wrapped by the installation's KMS key. Only for functions whose role may use that. */
export function hostedDataKeys({ client, tables, clock, log }: HostedStore): DataKeys {
  return openDataKeys({
    table: dynamoTable(client, tables.tenant),
    encryption: kmsEncryption(required('secretsKey')),
    clock,
    log,
  });
}
