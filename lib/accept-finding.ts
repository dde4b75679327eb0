import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Accepts a finding of cdk-nag's AwsSolutions rules for a construct and what is in it, and says why it is right there. What is
 * accepted nowhere stops the synthesis (bin/cdk.ts). `rule` is as the report names it, such as `S1` or `IAM5[Action::s3:*]`.
 */
export function acceptFinding(construct: IConstruct, rule: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: `AwsSolutions::AwsSolutions-${rule}`, reason });
}

/** The same for a resource with a wildcard that a role may use. */
export function acceptWildcard(construct: IConstruct, arn: string, reason: string): void {
  acceptFinding(construct, `IAM5[Resource::${flat(Stack.of(construct).resolve(arn))}]`, reason);
}

/** References as cdk-nag writes them. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, argument]] = Object.entries(value as object) as [[string, unknown]];
  if (name === 'Fn::Join') return (argument as [string, unknown[]])[1].map(flat).join('');
  return `<${[argument].flat().join('.')}>`;
}
