import { describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { DataStack } from './data-stack.ts';

const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
const template = Template.fromStack(new DataStack(app, 'data', { stage: 'test' }));

describe('the data stack', () => {
  test('has two tables and nothing that runs, so that an idle installation costs storage only', () => {
    template.resourceCountIs('AWS::DynamoDB::GlobalTable', 2);
    expect(Object.keys(template.toJSON().Resources)).toHaveLength(2);
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
