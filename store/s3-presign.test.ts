import { expect, test } from '@jest/globals';
import { presignedUrl } from './s3-presign.ts';

const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const input = {
  credentials,
  region: 'us-east-1',
  method: 'GET',
  host: 'examplebucket.s3.amazonaws.com',
  path: '/test.txt',
  expiresSeconds: 86_400,
  now: Date.UTC(2013, 4, 24),
} as const;

test("is the URL of AWS's own example", () => {
  expect(presignedUrl(input)).toBe(
    'https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  );
});

test('binds the headers that it names: another sum is another signature', () => {
  const signed = (sum: string) => new URL(presignedUrl({ ...input, method: 'PUT', headers: { 'x-amz-checksum-sha256': sum } }));
  expect(signed('a').searchParams.get('X-Amz-SignedHeaders')).toBe('host;x-amz-checksum-sha256');
  expect(signed('a').searchParams.get('X-Amz-Signature')).not.toBe(signed('b').searchParams.get('X-Amz-Signature'));
});
