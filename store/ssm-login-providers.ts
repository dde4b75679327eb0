import type { SSMClient } from '@aws-sdk/client-ssm';
import { type LoginProvider, parseLoginProviders } from '../core/accounts/login-provider.ts';

/** How long an answer is believed, ms. */
const FRESH_MS = 300_000;

/**
 * The login providers from an SSM SecureString, read when somebody opens a login page. The SDK is loaded then, too: no other
 * request waits for it. While SSM doesn't answer, what was read before goes on counting.
 */
export function ssmLoginProviders(
  Name: string,
  now: () => number,
  connect = async (): Promise<Pick<SSMClient, 'send'>> => new (await import('@aws-sdk/client-ssm')).SSMClient({}),
): () => Promise<readonly LoginProvider[]> {
  let last: { readonly at: number; readonly providers: readonly LoginProvider[] } | undefined;
  let client: Promise<Pick<SSMClient, 'send'>> | undefined;
  return async () => {
    if (last && now() < last.at + FRESH_MS) return last.providers;
    try {
      const { GetParameterCommand } = await import('@aws-sdk/client-ssm');
      const ssm = await (client ??= connect());
      const { Parameter } = await ssm.send(new GetParameterCommand({ Name, WithDecryption: true }));
      last = { at: now(), providers: parseLoginProviders(Parameter?.Value ?? '') };
    } catch (error) {
      if (!last) throw error;
      last = { ...last, at: now() };
    }
    return last.providers;
  };
}
