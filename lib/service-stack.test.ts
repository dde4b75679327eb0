import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { DataStack } from './data-stack.ts';
import { installationOf } from './installation.ts';
import { ServiceStack } from './service-stack.ts';

const directory = mkdtempSync(join(tmpdir(), 'terrane-synth-'));
afterAll(() => rmSync(directory, { recursive: true }));

function templateOf(context: Record<string, string> = {}): Template {
  const app = new App({
    context: { 'aws:cdk:bundling-stacks': [], stage: 'test', ...context },
    outdir: mkdtempSync(join(directory, 'out-')),
  });
  const installation = installationOf(app.node);
  const data = new DataStack(app, 'data', { stage: installation.stage });
  return Template.fromStack(new ServiceStack(app, 'service', { installation, data }));
}

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: {
    'ForAllValues:StringLike'?: Record<string, string[]>;
    StringEquals?: Record<string, string>;
    Null?: Record<string, string>;
  };
}

interface Resource {
  readonly Type: string;
  readonly Properties: { readonly PolicyDocument?: { readonly Statement: Statement[] } };
}

/** References by what they refer to, without the hashes. */
function readable(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, argument]] = Object.entries(value as object) as [[string, unknown]];
  if (name === 'Fn::Join') return (argument as [string, unknown[]])[1].map(readable).join('');
  if (name === 'Fn::ImportValue')
    return String(argument).replace(/.*?(Identity|Tenant|Secrets)(?:Table|Key)[0-9A-F]{8}(Stream)?Arn.*/, '$1$2');
  return String(Array.isArray(argument) ? argument[0] : argument).replace(/[0-9A-F]{8}$/, '');
}

function statementsOf(template: Template): string[] {
  const lines: string[] = [];
  for (const [id, { Type, Properties }] of Object.entries(template.toJSON()['Resources'] as Record<string, Resource>)) {
    if (Type !== 'AWS::IAM::Policy') continue;
    for (const { Action, Resource, Condition } of Properties.PolicyDocument?.Statement ?? []) {
      const role = id.replace(/Role.*/, '');
      const keys = Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'];
      const actions = [Action].flat().sort().join(' ');
      const from = Condition?.StringEquals?.['ses:FromAddress'];
      const named = Object.keys(Condition?.Null ?? {}).filter((key) => key.startsWith('kms:'));
      lines.push(
        `${role}: ${actions} on ${[Resource].flat().map(readable).join(', ')}${keys ? ` of ${keys.join(' ')}` : ''}${from ? ` as ${from}` : ''}${named.map((key) => ` if ${key} is given`).join('')}`,
      );
    }
  }
  return lines.sort();
}

const template = templateOf();

describe('what the functions may do', () => {
  test('is this and nothing else', () => {
    const here = 'arn:AWS::Partition:';
    const images = `${here}ecr:AWS::Region:AWS::AccountId:repository/terrane-test/*`;
    const payloads = `${here}s3:::terrane-test-payloads-AWS::AccountId-AWS::Region`;
    const context = { mailFrom: 'terrane@example.com', loginProviders: '/terrane/test/login-providers' };
    expect(statementsOf(templateOf(context))).toEqual(
      [
        'Api: dynamodb:BatchGetItem dynamodb:BatchWriteItem dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on Tenant',
        'Api: dynamodb:BatchGetItem dynamodb:BatchWriteItem dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on Identity',
        `Api: execute-api:ManageConnections on ${here}execute-api:AWS::Region:AWS::AccountId:PushApi/live/DELETE/@connections/*`,
        `Api: execute-api:ManageConnections on ${here}execute-api:AWS::Region:AWS::AccountId:PushApi/live/POST/@connections/*`,
        `Api: ses:SendEmail on ${here}ses:AWS::Region:AWS::AccountId:identity/example.com as terrane@example.com`,
        `Api: ssm:GetParameter on ${here}ssm:AWS::Region:AWS::AccountId:parameter/terrane/test/login-providers`,
        'Api: kms:Decrypt kms:GenerateDataKey on Secrets if kms:EncryptionContext:terrane:tenant is given',
        'Node: kms:Decrypt on Secrets if kms:EncryptionContext:terrane:tenant is given',
        'Node: dynamodb:BatchWriteItem dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem on Tenant',
        'Node: dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on Identity',
        'Updates: dynamodb:BatchWriteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query on Tenant',
        `Updates: s3:GetObject on ${payloads}/*`,
        `Api: s3:DeleteObject s3:GetObject s3:PutObject on ${payloads}/*`,
        `Api: s3:ListBucket on ${payloads}`,
        'Updates: dynamodb:UpdateItem on Tenant of *#requests',
        'Updates: dynamodb:ConditionCheckItem on Tenant of *#org',
        'Updates: dynamodb:GetItem on Identity of secret#*',
        `Api: ecr:BatchDeleteImage ecr:CreateRepository ecr:DeleteLifecyclePolicy ecr:DeleteRepository ecr:DescribeImageScanFindings ecr:DescribeImages ecr:PutImageTagMutability ecr:PutLifecyclePolicy ecr:TagResource on ${images}`,
        'Api: sts:AssumeRole on RegistryRole',
        'Node: sts:AssumeRole on RegistryRole',
        `Registry: ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:CompleteLayerUpload ecr:GetDownloadUrlForLayer ecr:InitiateLayerUpload ecr:PutImage ecr:UploadLayerPart on ${images}`,
        'Registry: ecr:GetAuthorizationToken on *',
        'Push: dynamodb:GetItem on Identity of host-key#*',
        'Push: dynamodb:UpdateItem on Tenant of *#beat#*',
        'Push: dynamodb:DeleteItem dynamodb:PutItem on Identity of conn#*',
        'Push: dynamodb:DeleteItem dynamodb:PutItem on Tenant of *#conn#*',
        `Install: ssm:GetParameter ssm:PutParameter on ${here}ssm:AWS::Region:AWS::AccountId:parameter/terrane/test/manifest-key`,
        'Reconcile: dynamodb:BatchGetItem dynamodb:BatchWriteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query on Tenant',
        'Reconcile: dynamodb:DeleteItem on Tenant of *#conn#*',
        'Reconcile: dynamodb:DeleteItem dynamodb:PutItem dynamodb:Query on Identity of wake',
        'Reconcile: dynamodb:DeleteItem on Identity of conn#*',
        'Reconcile: dynamodb:ListStreams on TenantStream',
        'Reconcile: dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator on TenantStream',
        'Reconcile: dynamodb:UpdateItem on Tenant of *#beat#*',
        `Reconcile: execute-api:ManageConnections on ${here}execute-api:AWS::Region:AWS::AccountId:PushApi/live/POST/@connections/*`,
        'Reconcile: sqs:GetQueueAttributes sqs:GetQueueUrl sqs:SendMessage on ReconcileDeadLetters',
        ...['Api', 'Node', 'Push', 'Install', 'Reconcile', 'Updates'].map(
          (f) => `${f}: logs:CreateLogStream logs:PutLogEvents on ${f}Logs`,
        ),
      ].sort(),
    );
  });

  test('reaches everything of a kind in one place only, where AWS knows nothing narrower', () => {
    const everywhere = statementsOf(template).filter((line) => / on \*($| )/.test(line));
    expect(everywhere).toEqual(['Registry: ecr:GetAuthorizationToken on *']);
  });

  test('is lent to clients of images by two functions and nobody else', () => {
    template.hasResourceProperties('AWS::IAM::Role', {
      RoleName: 'terrane-test-images',
      AssumeRolePolicyDocument: {
        Statement: ['Api', 'Node'].map((name) => ({
          Action: 'sts:AssumeRole',
          Effect: 'Allow',
          Principal: { AWS: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${name}.*Role`), 'Arn'] } },
        })),
      },
    });
  });

  test('comes from no managed policy', () => {
    for (const { Properties } of Object.values(template.findResources('AWS::IAM::Role'))) {
      expect((Properties as { ManagedPolicyArns?: unknown }).ManagedPolicyArns).toBeUndefined();
    }
  });
});

describe('the functions', () => {
  test('run on Node 24, on arm64, with logs as JSON that are kept for a month', () => {
    template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      LoggingConfig: { LogFormat: 'JSON' },
    });
    template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
    template.resourceCountIs('AWS::Lambda::Function', 6);
  });

  test('hold no secret in the template: CloudFormation fills the front door in', () => {
    for (const { Properties } of Object.values(template.findResources('AWS::Lambda::Function'))) {
      const { Variables } = (Properties as { Environment: { Variables: Record<string, unknown> } }).Environment;
      if (Variables['ORIGIN_SECRET'] !== undefined)
        expect(JSON.stringify(Variables['ORIGIN_SECRET'])).toContain('{{resolve:secretsmanager:');
    }
  });

  test('of people stream their answers, for watches', () => {
    const modes = Object.values(template.findResources('AWS::Lambda::Url')).map(
      ({ Properties }) => Properties['InvokeMode'] as string | undefined,
    );
    expect(modes.filter((mode) => mode === 'RESPONSE_STREAM')).toHaveLength(1);
  });
});

describe('the stream', () => {
  test('retries in halves, gives up to a queue, and hands over only commits, reports with news and connections that ended', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      MaximumRetryAttempts: 5,
      MaximumRecordAgeInSeconds: 3600,
      DestinationConfig: { OnFailure: { Destination: Match.anyValue() } },
      FilterCriteria: { Filters: [Match.anyValue(), Match.anyValue(), Match.anyValue(), Match.anyValue()] },
    });
    template.hasResourceProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true, MessageRetentionPeriod: 1_209_600 });
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(1 minute)' });
  });
});

describe('the web', () => {
  test('serves files only through CloudFront, over TLS', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: Match.anyValue(),
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  test('sends each path to who answers it, the narrower path first', () => {
    const [distribution] = Object.values(template.findResources('AWS::CloudFront::Distribution'));
    const { CacheBehaviors } = distribution!['Properties'].DistributionConfig as { CacheBehaviors: { PathPattern: string }[] };
    expect(CacheBehaviors.map(({ PathPattern }) => PathPattern)).toEqual([
      '/v1/info',
      '/v1/update*',
      '/v1/pre-reboot',
      '/v1/steady-state',
      '/v2/keys/*',
      '/updates/*',
      '/v1/*',
      '/clusters/*',
      '/node/v1/push',
      '/node/*',
      '/install.sh',
      '/artifacts/manifest.json*',
    ]);
  });

  test('allows pages nothing from elsewhere', () => {
    template.hasResourceProperties('AWS::CloudFront::ResponseHeadersPolicy', {
      ResponseHeadersPolicyConfig: {
        SecurityHeadersConfig: {
          ContentSecurityPolicy: {
            ContentSecurityPolicy: Match.stringLikeRegexp("^default-src 'none';.*frame-ancestors 'none'$"),
          },
          StrictTransportSecurity: { AccessControlMaxAgeSec: 63_072_000 },
        },
      },
    });
  });
});

describe('alarms', () => {
  test.each(['api-fails', 'node-throttled', 'reconcile-behind', 'reconcile-gave-up', 'table-tenant-throttled', 'node-refuses'])(
    '%s tells somebody',
    (name) => {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        AlarmName: `terrane-test-${name}`,
        AlarmActions: [Match.anyValue()],
        TreatMissingData: 'notBreaching',
      });
    },
  );

  test('go to the address that was given, and so does the budget', () => {
    const told = templateOf({ alarmEmail: 'ops@example.com', budgetUsd: '20' });
    told.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'ops@example.com' });
    told.hasResourceProperties('AWS::Budgets::Budget', { Budget: { BudgetLimit: { Amount: 20, Unit: 'USD' } } });
  });
});

describe('the operator', () => {
  test.each([
    [{ stage: 'Not/Good' }, /-c stage=Not\/Good: expected lower-case/],
    [{ domain: 'terrane.example.com' }, /belong together/],
    [{ mailFrom: 'nobody' }, /-c mailFrom=nobody: expected an address/],
    [{ budgetUsd: 'much' }, /whole US dollars/],
  ])('who says %j is told what is wrong', (context, message) => {
    expect(() => templateOf(context as Record<string, string>)).toThrow(message);
  });

  test('with a domain of their own gets it everywhere', () => {
    const own = templateOf({
      domain: 'terrane.example.com',
      certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/abc',
    });
    own.hasResourceProperties('AWS::CloudFront::Distribution', { DistributionConfig: { Aliases: ['terrane.example.com'] } });
    own.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ PUBLIC_URL: 'https://terrane.example.com' }) },
    });
  });
});
