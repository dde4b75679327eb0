import { Aws, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acceptFinding, acceptWildcard } from './accept-finding.ts';
import type { HostedFunction } from './hosted-function.ts';

/** S3 actions without their prefix. */
export type PayloadAction = 'GetObject' | 'PutObject' | 'DeleteObject';

/**
 * Where the files of update packages lie that people upload. Nobody reaches it but by URLs that the functions sign, each for one object; the bytes pass through no
 * function.
 */
export class PayloadBucket extends Construct {
  readonly bucket: Bucket;
  /** Known beforehand, so that what a role may do can be read. */
  readonly #name: string;

  constructor(scope: Construct, id: string, { stage }: { readonly stage: string }) {
    super(scope, id);
    this.#name = `terrane-${stage}-payloads-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
    this.bucket = new Bucket(this, 'Bucket', {
      bucketName: this.#name,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    acceptFinding(this.bucket, 'S1', 'Who gets which payload is in the log of the updates function, which signs each URL');
  }

  /** Lets a function do these things with payloads, and tells it where they are. `list`: also see which there are. */
  allow(fn: HostedFunction, actions: readonly PayloadAction[], list = false): void {
    fn.fn.addEnvironment('PAYLOAD_BUCKET', this.#name);
    const bucket = Stack.of(fn).formatArn({ service: 's3', region: '', account: '', resource: this.#name });
    const objects = `${bucket}/*`;
    fn.allow(
      actions.map((action) => `s3:${action}`),
      [objects],
    );
    acceptWildcard(fn.role, objects, 'Every organisation has its payloads in this one bucket, below its own prefix');
    if (list) fn.allow(['s3:ListBucket'], [bucket]);
  }
}
