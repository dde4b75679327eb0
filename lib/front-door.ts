import { RemovalPolicy } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

/**
 * The secret that CloudFront shows to the functions, so that nobody goes round it to say who and where they are. Made by AWS at the
 * first deployment; CloudFormation fills it in on both sides, so that no template holds it.
 */
export class FrontDoor extends Construct {
  /** A dynamic reference, not the value. */
  readonly secret: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const secret = new Secret(this, 'OriginSecret', {
      description: 'Proves to the functions that a request came through CloudFront',
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.secret = secret.secretValue.unsafeUnwrap();
  }
}
