import { AwsFailure } from './service.ts';
import { CREDENTIALS } from '../lambda/signature-v4.ts';

export interface Session {
  readonly role: string;
  readonly name: string;
  readonly policy: readonly { readonly Action: string | readonly string[]; readonly Resource: string }[];
}

/** AWS STS' AssumeRole (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html), in its query protocol. */
export interface Sts {
  readonly signedFor: 'sts';
  /** By access key. */
  readonly sessions: Map<string, Session>;
  /** Answers XML. Throws AwsFailure. */
  query(form: URLSearchParams): string;
}

const POLICY_CHARACTERS_MAX = 2_048;
/** For a session that is made with the credentials of another. */
const CHAINED_SECONDS_MAX = 3_600;

export function sts(...roles: string[]): Sts {
  const sessions = new Map<string, Session>();
  return {
    signedFor: 'sts',
    sessions,
    query(form) {
      if (form.get('Action') !== 'AssumeRole' || form.get('Version') !== '2011-06-15')
        throw new AwsFailure('InvalidAction', String(form));
      const [role, name, policy] = ['RoleArn', 'RoleSessionName', 'Policy'].map((field) => form.get(field) ?? '') as [
        string,
        string,
        string,
      ];
      if (!roles.includes(role)) throw new AwsFailure('AccessDenied', `not authorized to assume ${role}`, 403);
      if (!/^[\w+=,.@-]{2,64}$/.test(name)) throw new AwsFailure('ValidationError', `RoleSessionName ${name}`);
      if (policy.length > POLICY_CHARACTERS_MAX) throw new AwsFailure('PackedPolicyTooLarge', `${policy.length} characters`);
      const seconds = Number(form.get('DurationSeconds') ?? 3_600);
      if (seconds < 900 || seconds > CHAINED_SECONDS_MAX) throw new AwsFailure('ValidationError', `DurationSeconds ${seconds}`);
      const { Statement } = JSON.parse(policy) as { Statement: Session['policy'] };
      const accessKey = `${CREDENTIALS.idPrefix}SESSION${sessions.size + 1}`;
      sessions.set(accessKey, { role, name, policy: Statement });
      const expiry = new Date(Date.now() + seconds * 1000).toISOString();
      return [
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>',
        `<AccessKeyId>${accessKey}</AccessKeyId><SecretAccessKey>${CREDENTIALS.secret}</SecretAccessKey>`,
        `<SessionToken>${CREDENTIALS.session}</SessionToken><Expiration>${expiry}</Expiration>`,
        `</Credentials><AssumedRoleUser><Arn>${role}/${name}</Arn><AssumedRoleId>A:${name}</AssumedRoleId></AssumedRoleUser>`,
        '</AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>',
      ].join('');
    },
  };
}
