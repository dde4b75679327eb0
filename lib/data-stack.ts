import { Stack, type StackProps } from 'aws-cdk-lib';
import { StreamViewType } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { KeyedTable } from './keyed-table.ts';
import { PayloadBucket } from './payload-bucket.ts';
import { Secrets } from './secrets.ts';

export interface DataStackProps extends StackProps {
  readonly stage: string;
}

/**
 * Where everything is kept. *tenant*: logs, snapshots, inboxes, accounts; every key starts with the tenant. *identity*: maps
 * e-mail, token hash, host key and connection to a tenant, and holds nothing else. *secrets*: the key without which Secrets can't be read.
 * *payloads*: files of update packages.
 */
export class DataStack extends Stack {
  readonly tenant: KeyedTable;
  readonly identity: KeyedTable;
  readonly secrets: Secrets;
  readonly payloads: PayloadBucket;

  constructor(scope: Construct, id: string, props: DataStackProps) {
    super(scope, id, props);
    // The stream wakes the reconciler: log entries and inbox reports are both news.
    this.tenant = new KeyedTable(this, 'Tenant', {
      tableName: `terrane-${props.stage}-tenant`,
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
    });
    this.identity = new KeyedTable(this, 'Identity', { tableName: `terrane-${props.stage}-identity` });
    this.secrets = new Secrets(this, 'Secrets', { stage: props.stage });
    this.payloads = new PayloadBucket(this, 'Payloads', { stage: props.stage });
  }
}
