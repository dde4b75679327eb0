/** What lib/ tells a function by its environment. Names here, so that a function and its construct can't disagree silently. */
export const VARIABLES = {
  tenantTable: 'TENANT_TABLE',
  identityTable: 'IDENTITY_TABLE',
  /** What CloudFront adds to each request: proof that it came through the front door. */
  originSecret: 'ORIGIN_SECRET',
  /** Set when the installation has a domain of its own. */
  publicUrl: 'PUBLIC_URL',
  /** The WebSocket API's management endpoint: https://<api>.execute-api.<region>.amazonaws.com/<stage> */
  pushEndpoint: 'PUSH_ENDPOINT',
  /** Sender of mails; unset: no mail is sent and addresses aren't verified. */
  mailFrom: 'MAIL_FROM',
  /** Name of the SSM parameter with the key that signs the agent's artefacts. */
  manifestKeyParameter: 'MANIFEST_KEY_PARAMETER',
  /** Bucket of the files of update packages. */
  payloadBucket: 'PAYLOAD_BUCKET',
  /** Set by Lambda. */
  region: 'AWS_REGION',
  /** ARN of the KMS key that wraps organisations' data keys. */
  secretsKey: 'SECRETS_KEY',
  /** Name of the SSM parameter with the login providers; unset: there are none. */
  loginProvidersParameter: 'LOGIN_PROVIDERS_PARAMETER',
  /** Host of the account's ECR registry. */
  imageHost: 'IMAGE_HOST',
  /** What repositories of this installation begin with. */
  imageRoot: 'IMAGE_ROOT',
  /** ARN of the role that image credentials are vended from. */
  imageRole: 'IMAGE_ROLE',
} as const;

type Variable = keyof typeof VARIABLES;

export function required(variable: Variable): string {
  const value = optional(variable);
  if (value === undefined) throw new Error(`the function's environment lacks ${VARIABLES[variable]}; deploy it with lib/`);
  return value;
}

export function optional(variable: Variable): string | undefined {
  return process.env[VARIABLES[variable]] || undefined;
}
