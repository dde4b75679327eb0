import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import { type SignInput, signedHeaders } from './sigv4.ts';

/** The hash that the SDK's signer asks for, by node:crypto. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | Uint8Array) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

async function bySdk(input: SignInput): Promise<string> {
  const signer = new SignatureV4({
    credentials: input.credentials,
    region: input.region,
    service: input.service,
    sha256: Sha256 as never,
    applyChecksum: false,
  });
  const signed = await signer.sign(
    {
      method: 'POST',
      protocol: 'https:',
      hostname: input.host,
      path: '/',
      headers: { host: input.host, 'x-amz-target': input.target },
      body: input.body,
      query: {},
    },
    { signingDate: new Date(input.now) },
  );
  return signed.headers['authorization']!;
}

const input: SignInput = {
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
  region: 'eu-central-1',
  service: 'dynamodb',
  host: 'dynamodb.eu-central-1.amazonaws.com',
  target: 'DynamoDB_20120810.PutItem',
  body: '{"TableName":"tenant","Item":{"pk":{"S":"\u00e4"}}}',
  now: Date.UTC(2026, 10, 23, 4, 5, 6, 789),
};

describe('signature version 4', () => {
  test.each([
    ['with long-lived credentials', input],
    ['with a session', { ...input, credentials: { ...input.credentials, sessionToken: 'IQoJb3JpZ2luX2VjE//session=' } }],
    ['on another day, in another region', { ...input, now: input.now + 86_400_000, region: 'us-east-1' }],
  ])("is what the SDK's own signer makes of it, %s", async (_, each) => {
    expect(signedHeaders(each)['authorization']).toBe(await bySdk(each));
  });
});
