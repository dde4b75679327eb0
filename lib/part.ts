import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { FrontDoor } from './front-door.ts';
import type { Installation } from './installation.ts';
import type { PayloadBucket } from './payload-bucket.ts';
import type { Secrets } from './secrets.ts';

/** What every part of the service is given. */
export interface PartProps {
  readonly installation: Installation;
  readonly tenant: ITableV2;
  readonly identity: ITableV2;
  readonly frontDoor: FrontDoor;
  readonly secrets: Secrets;
  readonly payloads: PayloadBucket;
}

/** Environment that all functions over the store share; functions/hosted/environment.ts reads it. */
export function storeEnvironment({ tenant, identity }: Pick<PartProps, 'tenant' | 'identity'>): Record<string, string> {
  return { TENANT_TABLE: tenant.tableName, IDENTITY_TABLE: identity.tableName };
}
