import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { leaseDeadlinesConformance } from '../../../core/etcd/testing/lease-deadlines-conformance.ts';
import { dynamoLeaseDeadlines } from '../../../store/lease-deadlines.ts';
import { type EmbeddedStore, embeddedStore } from './embedded-store.ts';

describe('deadlines in DynamoDB', () => {
  let store: EmbeddedStore;
  beforeAll(async () => {
    store = await embeddedStore();
  });
  afterAll(() => store.stop());

  leaseDeadlinesConformance(async () => dynamoLeaseDeadlines(store.client, 'tenant')('t', randomUUID()));
});
