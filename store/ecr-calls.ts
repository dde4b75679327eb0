import type { ECRClient } from '@aws-sdk/client-ecr';
import type { STSClient } from '@aws-sdk/client-sts';
import { TerraneError } from '../core/errors/terrane-error.ts';

export type Ecr = typeof import('@aws-sdk/client-ecr');
export type Sts = typeof import('@aws-sdk/client-sts');

/** The SDK's clients, loaded when they are first needed: most processes never ask for an image. */
export interface AwsClients {
  ecr(): Promise<{ readonly sdk: Ecr; readonly client: ECRClient }>;
  sts(): Promise<{ readonly sdk: Sts; readonly client: STSClient }>;
  /** An ECR client with credentials of its own. */
  ecrWith(credentials: TemporaryCredentials): Promise<{ readonly sdk: Ecr; readonly client: ECRClient }>;
}

export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** A person or a host waits. Throttling is waited out by the SDK, with back-off. */
const PATIENCE = { maxAttempts: 5, requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000 } };

export function awsClients(settings: object = {}): AwsClients {
  let ecr: ReturnType<AwsClients['ecr']> | undefined;
  let sts: ReturnType<AwsClients['sts']> | undefined;
  const all = { ...PATIENCE, ...settings };
  return {
    ecr: () => (ecr ??= import('@aws-sdk/client-ecr').then((sdk) => ({ sdk, client: new sdk.ECRClient(all) }))),
    sts: () => (sts ??= import('@aws-sdk/client-sts').then((sdk) => ({ sdk, client: new sdk.STSClient(all) }))),
    async ecrWith(credentials) {
      const sdk = await import('@aws-sdk/client-ecr');
      return { sdk, client: new sdk.ECRClient({ ...all, credentials }) };
    },
  };
}

/** What AWS refuses, in our words. `refusals`: name of AWS' exception -> what it means here. */
export async function answered<T>(call: Promise<T>, refusals: Readonly<Record<string, () => T>> = {}): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    const known = cause instanceof Error ? (refusals[cause.name] ?? COMMON[cause.name]) : undefined;
    if (known) return known() as T;
    throw new TerraneError('image_registry_unavailable', undefined, { cause, retryAfter: 5 });
  }
}

const COMMON: Readonly<Record<string, () => never>> = {
  RepositoryNotFoundException: () => {
    throw new TerraneError('repository_not_found');
  },
  ImageNotFoundException: () => {
    throw new TerraneError('not_found', 'The repository has no such image.');
  },
  LimitExceededException: () => {
    throw new TerraneError('image_registry_full');
  },
};
