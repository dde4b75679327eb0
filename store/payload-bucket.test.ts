import { expect, test } from '@jest/globals';
import { payloadBucket } from './payload-bucket.ts';

const payload = { tenant: 'acme', cluster: 'prod', sha256: 'ab'.repeat(32), size: 5 };

/** A bucket as S3 answers for it: objects by key. */
function bucketOf(objects: Map<string, number>) {
  const asked: string[] = [];
  const answer = (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const { host, pathname, searchParams } = new URL(url instanceof Request ? url.url : url);
    const method = init?.method ?? 'GET';
    asked.push(`${method} ${pathname}`);
    expect([host, searchParams.get('X-Amz-Signature')?.length]).toEqual(['files.s3.eu-central-1.amazonaws.com', 64]);
    const key = pathname.slice(1);
    if (method === 'DELETE') return Promise.resolve(new Response(null, { status: objects.delete(key) ? 204 : 404 }));
    if (method === 'HEAD') {
      const size = objects.get(key);
      return Promise.resolve(new Response(null, { status: size ? 200 : 404, headers: { 'content-length': String(size ?? 0) } }));
    }
    // Two a page.
    const prefix = searchParams.get('prefix') ?? '';
    const names = [...objects.keys()].filter((name) => name.startsWith(prefix));
    const from = Number(searchParams.get('continuation-token') ?? 0);
    const page = names.slice(from, from + 2).map((name) => `<Contents><Key>${name}</Key></Contents>`);
    const next = from + 2 < names.length ? `<NextContinuationToken>${from + 2}</NextContinuationToken>` : '';
    return Promise.resolve(new Response(`<ListBucketResult>${page.join('')}${next}</ListBucketResult>`));
  };
  const credentials = async () => ({ accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'session' });
  const clock = { now: () => Date.UTC(2026, 0, 1) };
  return {
    asked,
    payloads: payloadBucket({ bucket: 'files', region: 'eu-central-1', credentials, clock, fetch: answer as typeof fetch }),
  };
}

test('is written and read by URLs for one object, which bind its length and sum', async () => {
  const objects = new Map<string, number>();
  const { payloads } = bucketOf(objects);
  const upload = await payloads.uploadTo(payload);
  expect(upload?.headers).toEqual({
    'content-length': '5',
    'x-amz-checksum-sha256': Buffer.from('ab'.repeat(32), 'hex').toString('base64'),
  });
  const url = new URL(upload!.url);
  expect(url.pathname).toBe(`/acme/prod/${payload.sha256}`);
  expect(url.searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;host;x-amz-checksum-sha256');
  expect([await payloads.has(payload), await payloads.open(payload)]).toEqual([false, undefined]);
  objects.set(`acme/prod/${payload.sha256}`, 5);
  expect(await payloads.has(payload)).toBe(true);
  expect(await payloads.open(payload)).toMatchObject({
    type: 'redirect',
    url: expect.stringContaining('X-Amz-Security-Token=session'),
  });
  expect(await payloads.has({ ...payload, size: 6 })).toBe(false);
});

test('forgets of a cluster what no package names, and of others nothing', async () => {
  const objects = new Map(['a', 'b', 'c', 'd'].map((name) => [`acme/prod/${name}`, 1]));
  objects.set('acme/prod2/x', 1);
  await bucketOf(objects).payloads.keepOnly('acme', 'prod', new Set(['b']));
  expect([...objects.keys()]).toEqual(['acme/prod/b', 'acme/prod2/x']);
});
