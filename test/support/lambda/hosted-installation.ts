import { rmSync } from 'node:fs';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type AwsServices, awsServices } from './aws-services.ts';
import { type CloudFront, cloudFront } from './cloudfront.ts';
import { type Capacity, countingProxy } from './counting-proxy.ts';
import { type FunctionPool, functionPool } from './function-pool.ts';
import { accessKeyOf } from './function-process.ts';
import { actionPolicy, tablePolicy } from './policy.ts';
import { type Ecr, ecr } from '../aws/ecr.ts';
import { IMAGE_HOST, IMAGE_ROLE } from '../aws/image-registry.ts';
import { type Kms, kms } from '../aws/kms.ts';
import { sts } from '../aws/sts.ts';
import { synthesise } from './synthesised.ts';
import { type TableStream, tableStream } from './table-stream.ts';
import { embeddedStore } from '../../integration/store/embedded-store.ts';

/** The hosted service as it would be deployed, with AWS around it played on loopback: the bundles are the deployment's own. */
export interface HostedInstallation {
  readonly url: string;
  readonly client: DynamoDBClient;
  readonly services: AwsServices;
  readonly kms: Kms;
  readonly ecr: Ecr;
  readonly functions: ReadonlyMap<string, FunctionPool>;
  readonly stream: TableStream;
  /** What the functions' roles didn't allow them to do with the tables: their roles are enforced. */
  readonly denied: readonly string[];
  /** What DynamoDB would charge for the functions' calls so far. */
  readonly counted: Capacity;
  /** The clock that ticks each minute, now. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

const SECRETS_KEY = 'arn:aws:kms:us-east-1:123456789012:key/0f0e0d0c-0b0a-4908-8706-050403020100';
const ORIGIN_SECRET = 'the-front-door-secret-of-this-test';

export async function hostedInstallation(): Promise<HostedInstallation> {
  const synthesised = synthesise({ stage: 'test', mailFrom: 'terrane@example.com' });
  const store = await embeddedStore();
  const { endpoint } = store.dynoxide;
  const allowed = tablePolicy(synthesised);
  const mayCall = actionPolicy(synthesised);
  const names = new Map(Array.from(synthesised.functions.keys(), (name) => [accessKeyOf(name), name]));
  const keys = kms(SECRETS_KEY);
  const roles = sts(IMAGE_ROLE);
  const images = ecr('123456789012', 'us-east-1', roles.sessions);
  const services = await awsServices(
    [keys, images],
    // What a session may do is in its policy, which ECR looks at when its token is used.
    (accessKey, action) => (roles.sessions.has(accessKey) ? undefined : mayCall(names.get(accessKey) ?? accessKey, action)),
    roles,
  );
  const denied: string[] = [];
  const proxy = await countingProxy(endpoint, (accessKey, operation, input) => {
    const refusal = allowed(names.get(accessKey) ?? accessKey, operation, input);
    if (refusal !== undefined) denied.push(refusal);
    return refusal;
  });
  const references: Record<string, string> = {
    TENANT_TABLE: 'tenant',
    IDENTITY_TABLE: 'identity',
    ORIGIN_SECRET,
    SECRETS_KEY,
    PAYLOAD_BUCKET: 'payloads',
    IMAGE_HOST,
    IMAGE_ROLE,
    PUSH_ENDPOINT: `${services.endpoint}/live`,
  };
  const functions = new Map<string, FunctionPool>();
  for (const [name, { directory, handler, timeoutMs, environment }] of synthesised.functions) {
    const resolved = Object.entries(environment).map(([variable, value]) => {
      const known = typeof value === 'string' ? value : references[variable];
      if (known === undefined) throw new Error(`the template refers to something in ${variable} that this test doesn't know`);
      return [variable, known];
    });
    const endpoints = {
      AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
      AWS_ENDPOINT_URL_KMS: services.endpoint,
      AWS_ENDPOINT_URL_ECR: services.endpoint,
      AWS_ENDPOINT_URL_STS: services.endpoint,
      AWS_ENDPOINT_URL_SSM: services.endpoint,
      AWS_ENDPOINT_URL_SESV2: services.endpoint,
    };
    const all = { ...(Object.fromEntries(resolved) as Record<string, string>), ...endpoints };
    functions.set(name, functionPool({ name, directory, handler, timeoutMs, environment: all }));
  }
  const front: CloudFront = await cloudFront({ synthesised, functions, services, originSecret: ORIGIN_SECRET });
  const reconcile = functions.get('reconcile')!;
  const stream = await tableStream({
    client: store.client,
    endpoint,
    table: 'tenant',
    synthesised,
    invoke: (event) => reconcile.call(event),
  });

  return {
    url: front.url,
    client: store.client,
    services,
    kms: keys,
    ecr: images,
    functions,
    stream,
    denied,
    counted: proxy.counted,
    async tick() {
      await reconcile.call({
        version: '0',
        id: '00000000-0000-0000-0000-000000000000',
        'detail-type': 'Scheduled Event',
        source: 'aws.events',
        account: '123456789012',
        region: 'us-east-1',
        resources: ['arn:aws:events:us-east-1:123456789012:rule/clock'],
        detail: {},
      });
    },
    async stop() {
      front.close();
      await stream.stop();
      await Promise.all(Array.from(functions.values(), (pool) => pool.stop()));
      services.close();
      proxy.close();
      await store.stop();
      rmSync(synthesised.directory, { recursive: true, force: true });
    },
  };
}
