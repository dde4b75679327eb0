import { RemovalPolicy } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { acceptFinding } from './accept-finding.ts';

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
    acceptFinding(
      secret,
      'SMG4',
      'CloudFront and the functions take it in at a deployment: changing it between two would shut them off from each other',
    );
    this.secret = secret.secretValue.unsafeUnwrap();
  }
}
