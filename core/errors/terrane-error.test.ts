import { describe, expect, test } from '@jest/globals';
import { catalogue } from './catalogue.ts';
import { statusOf } from './kubernetes-status.ts';
import { errorEnvelope, TerraneError } from './terrane-error.ts';

describe('the catalogue', () => {
  test.each(Object.entries(catalogue))('%s has a status, one sentence on when, and what to do', (code, entry) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(entry.status).toBeGreaterThanOrEqual(400);
    expect(entry.status).toBeLessThan(600);
    expect(entry.when).toMatch(/^[A-Z].*\.$/);
    expect(entry.fix).toMatch(/^[A-Z].*\.$/);
  });
});

describe('an error', () => {
  const error = new TerraneError('rate_limited', 'Too many joins.', { retryAfter: 7, details: [{ field: 'ip', message: 'x' }] });

  test('is answered with code, message, fix, details and request id', () => {
    expect(errorEnvelope(error, 'r1')).toEqual({
      error: {
        code: 'rate_limited',
        message: 'Too many joins.',
        fix: catalogue.rate_limited.fix,
        details: [{ field: 'ip', message: 'x' }],
      },
      requestId: 'r1',
    });
  });

  test('is a Status for kubectl, with the fix in the message', () => {
    expect(statusOf(new TerraneError('unauthenticated')).status).toMatchObject({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason: 'Unauthorized',
      code: 401,
      message: expect.stringContaining('terrane login'),
    });
    expect(statusOf(error).status.details).toEqual({ retryAfterSeconds: 7 });
  });
});
