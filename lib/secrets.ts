import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { HostedFunction } from './hosted-function.ts';

/** What a function does with organisations' data keys: makes them, or only unwraps them. */
export type DataKeyAction = 'GenerateDataKey' | 'Decrypt';

/**
 * The KMS key that wraps organisations' data keys, with which Secrets are encrypted. It is kept with the tables: without it what they hold
 * of Secrets is noise. AWS renews its material every year and keeps the old.
 */
export class Secrets extends Construct {
  readonly key: Key;

  constructor(scope: Construct, id: string, { stage }: { readonly stage: string }) {
    super(scope, id);
    this.key = new Key(this, 'Key', {
      alias: `terrane-${stage}-secrets`,
      description: `Wraps the data keys of terrane ${stage}'s organisations`,
      enableKeyRotation: true,
      rotationPeriod: Duration.days(365),
      pendingWindow: Duration.days(30),
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  /** Lets a function use the key, and tells it which it is. Only for an organisation that the call names. */
  allow(fn: HostedFunction, actions: readonly DataKeyAction[]): void {
    fn.fn.addEnvironment('SECRETS_KEY', this.key.keyArn);
    fn.allow(
      actions.map((action) => `kms:${action}`),
      [this.key.keyArn],
      { Null: { 'kms:EncryptionContext:terrane:tenant': 'false' } },
    );
  }
}
