import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import {
  GetParameterCommand,
  ParameterAlreadyExists,
  ParameterNotFound,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import type { ManifestKey } from './manifest-key.ts';

/**
 * The manifest key in an SSM SecureString, made by whoever needs it first: CloudFormation can't make SecureStrings. Two at once agree,
 * as a parameter is made only once.
 */
export async function ssmManifestKey(Name: string, client = new SSMClient({})): Promise<ManifestKey> {
  const privateKey = createPrivateKey((await read(client, Name)) ?? (await make(client, Name)));
  return {
    publicKeyPem: createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }).toString(),
    sign: (bytes) => sign(null, bytes, privateKey),
  };
}

async function read(client: SSMClient, Name: string): Promise<string | undefined> {
  try {
    const { Parameter } = await client.send(new GetParameterCommand({ Name, WithDecryption: true }));
    return Parameter?.Value;
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw error;
  }
}

async function make(client: SSMClient, Name: string): Promise<string> {
  const Value = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  try {
    await client.send(
      new PutParameterCommand({
        Name,
        Value,
        Type: 'SecureString',
        Overwrite: false,
        Description: 'Signs the agent that hosts install',
      }),
    );
    return Value;
  } catch (error) {
    const other = error instanceof ParameterAlreadyExists ? await read(client, Name) : undefined;
    if (other === undefined) throw error;
    return other;
  }
}
