import type { Node } from 'constructs';

/** What the operator chooses with `-c NAME=VALUE` (docs/deploy.md). A stage is a whole installation of its own. */
export interface Installation {
  readonly stage: string;
  /** Host name that people and hosts use instead of CloudFront's own; needs `certificateArn`. */
  readonly domain?: string;
  /** ACM certificate for `domain`, in us-east-1 as CloudFront wants it. */
  readonly certificateArn?: string;
  /** Sender of mails; its domain must be verified in SES. Without it no address is verified. */
  readonly mailFrom?: string;
  /** SSM SecureString with the login providers, as JSON (docs/console.md). */
  readonly loginProviders?: string;
  /** Who is told of alarms and of the budget. */
  readonly alarmEmail?: string;
  /** Monthly costs, USD, at which `alarmEmail` is told. */
  readonly budgetUsd: number;
}

const DEFAULT_BUDGET_USD = 50;

export function installationOf(node: Node): Installation {
  const stage =
    text(node, 'stage', /^[a-z][a-z0-9-]{0,20}$/, 'lower-case letters, digits and dashes, at most 21 characters') ?? 'dev';
  const domain = text(node, 'domain', /^(?=.{4,253}$)[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'a host name, such as terrane.example.com');
  const certificateArn = text(
    node,
    'certificateArn',
    /^arn:aws[a-z-]*:acm:us-east-1:/,
    'the ARN of an ACM certificate in us-east-1',
  );
  const mailFrom = text(node, 'mailFrom', /^[^@\s<>]+@[a-z0-9.-]+$/, 'an address, such as terrane@example.com');
  const loginProviders = text(
    node,
    'loginProviders',
    /^\/[A-Za-z0-9_./-]{1,500}$/,
    'the name of an SSM parameter, such as /terrane/prod/login-providers',
  );
  const alarmEmail = text(node, 'alarmEmail', /^[^@\s]+@[^@\s]+$/, 'an address');
  const budget = text(node, 'budgetUsd', /^\d{1,7}$/, 'whole US dollars a month');
  if ((domain === undefined) !== (certificateArn === undefined)) {
    throw new Error('-c domain= and -c certificateArn= belong together: CloudFront serves a domain only with its certificate');
  }
  return {
    stage,
    ...(domain !== undefined && { domain }),
    ...(certificateArn !== undefined && { certificateArn }),
    ...(mailFrom !== undefined && { mailFrom }),
    ...(loginProviders !== undefined && { loginProviders }),
    ...(alarmEmail !== undefined && { alarmEmail }),
    budgetUsd: budget === undefined ? DEFAULT_BUDGET_USD : Number(budget),
  };
}

function text(node: Node, name: string, pattern: RegExp, expected: string): string | undefined {
  const value: unknown = node.tryGetContext(name);
  if (value === undefined) return undefined;
  const given = typeof value === 'string' ? value : JSON.stringify(value);
  if (!pattern.test(given)) throw new Error(`-c ${name}=${given}: expected ${expected}`);
  return given;
}
