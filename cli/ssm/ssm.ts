import type { SSMClient } from '@aws-sdk/client-ssm';
import { CliError, EXIT, usageError } from '../errors.ts';

/** What SSM knows of an instance. */
export interface ManagedInstance {
  readonly id: string;
  readonly online: boolean;
  readonly platform: string;
  /** ms since the epoch; undefined: never. */
  readonly lastSeen: number | undefined;
}

/** How a command is doing on an instance. `state` undefined: it goes on. */
export interface Invocation {
  readonly state: 'succeeded' | 'failed' | undefined;
  /** SSM's own word: Pending, InProgress, Undeliverable, … */
  readonly detail: string;
  /** The end of what it wrote to standard error, or else to standard output. */
  readonly output: string;
}

/** The calls of AWS Systems Manager that enrolling takes. */
export interface Ssm {
  readonly region: string;
  /** Those of these that are registered with SSM in the region. */
  describe(ids: readonly string[]): Promise<ManagedInstance[]>;
  /** Runs a shell script as root. Answers the command's id. Undefined: SSM doesn't take the instance (any more). */
  run(id: string, script: string, options: RunOptions): Promise<string | undefined>;
  /** Undefined: SSM doesn't know of it yet. */
  invocation(commandId: string, id: string): Promise<Invocation | undefined>;
}

export interface RunOptions {
  readonly comment: string;
  /** How long it may take to reach the instance, and to run there. */
  readonly deliverySeconds: number;
  readonly executionSeconds: number;
}

/** A page of DescribeInstanceInformation. */
const DESCRIBED_AT_ONCE = 50;

/** Loads the SDK: nothing else of the command line needs it. Throws CliError if region or credentials are missing. */
export async function openSsm(wanted: string | undefined): Promise<Ssm> {
  const sdk = await import('@aws-sdk/client-ssm');
  const client = new sdk.SSMClient({ ...(wanted !== undefined && { region: wanted }), retryMode: 'adaptive', maxAttempts: 6 });
  const region = await regionOf(client);

  const send = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      throw explained(error, region);
    }
  };

  return {
    region,
    async describe(ids) {
      const found: ManagedInstance[] = [];
      for (let at = 0; at < ids.length; at += DESCRIBED_AT_ONCE) {
        const Filters = [{ Key: 'InstanceIds', Values: ids.slice(at, at + DESCRIBED_AT_ONCE) }];
        let NextToken: string | undefined;
        do {
          const input = { Filters, MaxResults: DESCRIBED_AT_ONCE, ...(NextToken && { NextToken }) };
          const page = await send(client.send(new sdk.DescribeInstanceInformationCommand(input)));
          for (const { InstanceId, PingStatus, PlatformType, LastPingDateTime } of page.InstanceInformationList ?? [])
            found.push({
              id: InstanceId!,
              online: PingStatus === 'Online',
              platform: PlatformType ?? 'unknown',
              lastSeen: LastPingDateTime?.getTime(),
            });
          ({ NextToken } = page);
        } while (NextToken);
      }
      return found;
    },

    async run(id, script, { comment, deliverySeconds, executionSeconds }) {
      const command = new sdk.SendCommandCommand({
        DocumentName: 'AWS-RunShellScript',
        InstanceIds: [id],
        Comment: comment.slice(0, 100),
        TimeoutSeconds: deliverySeconds,
        Parameters: { commands: script.split('\n'), executionTimeout: [String(executionSeconds)] },
      });
      try {
        return (await client.send(command)).Command!.CommandId!;
      } catch (error) {
        if (error instanceof sdk.InvalidInstanceId) return undefined;
        throw explained(error, region);
      }
    },

    async invocation(CommandId, InstanceId) {
      try {
        const answer = await client.send(new sdk.GetCommandInvocationCommand({ CommandId, InstanceId }));
        const { Status = '', StatusDetails, StandardErrorContent, StandardOutputContent } = answer;
        const state = Status === 'Success' ? 'succeeded' : RUNNING.has(Status) ? undefined : 'failed';
        const output = (StandardErrorContent?.trim() || StandardOutputContent?.trim()) ?? '';
        // It goes to a terminal, and the instance decides what is in it.
        return { state, detail: StatusDetails || Status, output: output.replace(/[^\P{Cc}\n\t]/gu, '') };
      } catch (error) {
        if (error instanceof sdk.InvocationDoesNotExist) return undefined;
        throw explained(error, region);
      }
    },
  };
}

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html */
const RUNNING = new Set(['Pending', 'InProgress', 'Delayed', 'Cancelling']);

async function regionOf(client: SSMClient): Promise<string> {
  try {
    return await client.config.region();
  } catch {
    throw usageError('no AWS region is chosen', 'Add --region REGION, or set AWS_REGION.');
  }
}

const NO_CREDENTIALS = new Set([
  'CredentialsProviderError',
  'ExpiredTokenException',
  'UnrecognizedClientException',
  'TokenProviderError',
]);

function explained(error: unknown, region: string): CliError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (NO_CREDENTIALS.has(name))
    return new CliError(`AWS takes no credentials from here: ${message}`, {
      exit: EXIT.auth,
      code: 'aws_credentials',
      fix: 'Log in to AWS as for its own command line (AWS_PROFILE, aws sso login), and check with: aws sts get-caller-identity',
      cause: error,
    });
  if (name === 'AccessDeniedException')
    return new CliError(`AWS does not allow it: ${message}`, {
      exit: EXIT.auth,
      code: 'aws_denied',
      fix: 'It takes ssm:DescribeInstanceInformation, ssm:SendCommand (AWS-RunShellScript and the instances) and ssm:GetCommandInvocation.',
      cause: error,
    });
  return new CliError(`AWS Systems Manager in ${region} did not answer as expected: ${name} ${message}`, { cause: error });
}
