import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { DataStack } from './data-stack.ts';

const outdir = mkdtempSync(join(tmpdir(), 'terrane-synth-'));
afterAll(() => rmSync(outdir, { recursive: true }));
const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, outdir });
const template = Template.fromStack(new DataStack(app, 'data', { stage: 'test' }));

describe('the data stack', () => {
  test('has two tables, a key, a bucket with its policy and nothing that runs, so that an idle installation costs storage and the key', () => {
    template.resourceCountIs('AWS::DynamoDB::GlobalTable', 2);
    template.resourceCountIs('AWS::KMS::Key', 1);
    template.resourceCountIs('AWS::KMS::Alias', 1);
    template.resourceCountIs('AWS::S3::Bucket', 1);
    template.resourceCountIs('AWS::S3::BucketPolicy', 1);
    expect(Object.keys(template.toJSON().Resources)).toHaveLength(6);
  });

  test('lets nobody reach payloads but by signed URLs over TLS, and keeps them when the stack goes', () => {
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      },
    });
    const [policy] = Object.values(template.findResources('AWS::S3::BucketPolicy'));
    const { Statement } = (policy!['Properties'] as { PolicyDocument: { Statement: object[] } }).PolicyDocument;
    expect(Statement).toEqual([
      expect.objectContaining({ Effect: 'Deny', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ]);
  });

  test('keeps the key of Secrets as long as the tables, and renews its material each year', () => {
    template.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { EnableKeyRotation: true, RotationPeriodInDays: 365, PendingWindowInDays: 30 },
    });
  });

  test('lets nobody use the key but by a role of this account that may', () => {
    const [key] = Object.values(template.findResources('AWS::KMS::Key'));
    expect((key!['Properties'] as { KeyPolicy: unknown }).KeyPolicy).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'kms:*',
          Resource: '*',
          Principal: {
            AWS: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::', { Ref: 'AWS::AccountId' }, ':root']] },
          },
        },
      ],
    });
  });

  test.each(['terrane-test-tenant', 'terrane-test-identity'])(
    '%s is on demand, restorable, encrypted and hard to lose',
    (name) => {
      template.hasResource('AWS::DynamoDB::GlobalTable', {
        DeletionPolicy: 'Retain',
        UpdateReplacePolicy: 'Retain',
        Properties: {
          TableName: name,
          BillingMode: 'PAY_PER_REQUEST',
          SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
          TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
          Replicas: [
            Match.objectLike({
              DeletionProtectionEnabled: true,
              PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
            }),
          ],
        },
      });
    },
  );

  test('only the tenant table has a stream: it is what wakes the reconciler', () => {
    template.hasResourceProperties('AWS::DynamoDB::GlobalTable', {
      TableName: 'terrane-test-tenant',
      StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
    template.hasResourceProperties('AWS::DynamoDB::GlobalTable', {
      TableName: 'terrane-test-identity',
      StreamSpecification: Match.absent(),
    });
  });
});
