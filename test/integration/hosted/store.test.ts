import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { HostPrincipal } from '../../../core/ports/identity.ts';
import { pushConnections, type PushConnections } from '../../../store/connections.ts';
import { EMBEDDED_TABLES } from '../../../store/dynamodb.ts';
import { dynamoWakes, type Wakes } from '../../../store/wakes.ts';
import { type EmbeddedStore, embeddedStore } from '../store/embedded-store.ts';

const T0 = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;

let store: EmbeddedStore;
let connections: PushConnections;
let wakes: Wakes;

beforeAll(async () => {
  store = await embeddedStore();
  connections = pushConnections(store.client, EMBEDDED_TABLES, { now: () => T0 });
  wakes = dynamoWakes(store.client, EMBEDDED_TABLES.identity);
}, 60_000);
afterAll(() => store.stop());

const host = (nodeName: string, cluster = 'prod'): HostPrincipal => ({
  kind: 'host',
  tenant: 'acme',
  cluster,
  hostId: 'h',
  nodeName,
});

describe('push connections', () => {
  test('a newer one takes the place of the older, whose end then changes nothing', async () => {
    await connections.add(host('n1'), 'old=');
    await connections.add(host('n1'), 'new=');
    await connections.remove('old=');
    expect(await connections.find('acme', 'prod', ['n1'])).toEqual(new Map([['n1', 'new=']]));
    await connections.remove('new=');
    expect(await connections.find('acme', 'prod', ['n1'])).toEqual(new Map());
    await connections.remove('never-seen');
  });

  test.each([3, 40, 120])('are found for %i hosts, of this cluster only', async (count) => {
    const names = Array.from({ length: count }, (_, index) => `m${count}-${index}`);
    await Promise.all(names.map((name) => connections.add(host(name, `c${count}`), `id-${name}`)));
    await connections.add(host(names[0]!, 'other'), 'elsewhere');
    const found = await connections.find('acme', `c${count}`, [...names, 'unknown']);
    expect(found.size).toBe(count);
    expect(found.get(names[0]!)).toBe(`id-${names[0]}`);
  });
});

describe('alarm clocks', () => {
  test('ring in order, from their minute on, once for each minute', async () => {
    await wakes.set('acme', 'late', T0 + 5 * MINUTE);
    await wakes.set('acme', 'soon', T0 + 10_000);
    await wakes.set('acme', 'soon', T0 + 50_000);
    expect(await wakes.due(T0 + MINUTE - 1, 10)).toEqual([]);
    const due = await wakes.due(T0 + MINUTE, 10);
    expect(due).toEqual([{ tenant: 'acme', cluster: 'soon', at: T0 + MINUTE }]);
    await wakes.clear(due[0]!);
    expect(await wakes.due(T0 + 10 * MINUTE, 10)).toEqual([{ tenant: 'acme', cluster: 'late', at: T0 + 5 * MINUTE }]);
  });
});
