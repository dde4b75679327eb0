import { Stack } from 'aws-cdk-lib';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { acceptFinding, acceptWildcard } from './accept-finding.ts';

const OF_CDK = "It is CDK's own, runs at deployments only, and copies from CDK's bucket into ours";
const ACTIONS = ['s3:GetObject*', 's3:GetBucket*', 's3:List*', 's3:DeleteObject*', 's3:Abort*'];

/** What cdk-nag finds in the functions behind BucketDeployment, which can't be made otherwise. */
export function acceptBucketDeployment(bucket: Bucket): void {
  const stack = Stack.of(bucket);
  const { partition, account, region } = stack;
  for (const handler of stack.node.children.filter(({ node }) => node.id.startsWith('Custom::CDKBucketDeployment'))) {
    acceptFinding(handler, 'L1', OF_CDK);
    acceptFinding(handler, 'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]', OF_CDK);
    for (const action of ACTIONS) acceptFinding(handler, `IAM5[Action::${action}]`, OF_CDK);
    acceptWildcard(handler, `arn:${partition}:s3:::cdk-hnb659fds-assets-${account}-${region}/*`, OF_CDK);
    acceptWildcard(handler, `${bucket.bucketArn}/*`, OF_CDK);
    acceptWildcard(handler, '*', `${OF_CDK}; making CloudFront forget a page is not granted by distribution`);
  }
}
