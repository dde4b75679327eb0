import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Assignment } from '../../core/node/assignment.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { EventInput } from '../event-log.ts';
import { type Nft, NftError } from '../kernel/nft.ts';
import { type RunningServices, startServices } from './start-services.ts';

/** What is given to the kernel when, with the kernel's answers made up. */

const SERVICE = {
  namespace: 'default',
  name: 'web',
  type: 'ClusterIP' as const,
  clusterIP: '10.96.0.10',
  ports: [{ protocol: 'TCP' as const, port: 80 }],
  subsets: [{ ports: [8080], endpoints: [{ ip: '10.244.1.2', node: 'n1' }] }],
};

let assignment: Assignment | undefined;
let scripts: string[];
let events: EventInput[];
let refuses: (script: string) => NftError | undefined;
let running: RunningServices;
const stop = new AbortController();

const assigned = (given: Partial<Assignment>) => ({ cluster: 'c', revision: 1, pods: [], ...given }) as unknown as Assignment;
const nft: Nft = {
  async apply(script) {
    const refusal = refuses(script);
    if (refusal) throw refusal;
    scripts.push(script);
  },
  async list() {
    const refusal = refuses('list');
    if (refusal) throw refusal;
    return undefined;
  },
};

function start(): void {
  running = startServices({
    nodeName: 'n1',
    nft,
    bridges: async () => [{ name: 'trn-0af40100', mac: '02:00:00:00:00:01', subnet: '10.244.1.0/24' }],
    prepare: async () => undefined,
    forget: async () => undefined,
    assignment: () => assignment,
    podAddresses: () => new Map(),
    events: { add: (event) => void events.push(event) },
    log: silentLogger,
    signal: stop.signal,
  });
}

beforeEach(() => {
  [scripts, events, assignment, refuses] = [[], [], undefined, () => undefined];
});
afterEach(() => running.close());

const has = (text: string) => scripts.some((script) => script.includes(text));

test('a host with nothing to route needs no nft', async () => {
  refuses = () => new NftError('nft is not installed', true);
  assignment = assigned({});
  start();
  await running.close();
  expect([events, running.problems(), scripts]).toEqual([[], [], []]);
});

test('a host that has Services to route and no nft says what to install, once', async () => {
  refuses = () => new NftError('nft is not installed', true);
  assignment = assigned({ services: [SERVICE] });
  start();
  await eventually('it is told', () => expect(events.map(({ reason }) => reason)).toContain('ServicesNotRouted'));
  running.check();
  await running.close();
  expect(events.filter(({ reason }) => reason === 'ServicesNotRouted')).toHaveLength(1);
  expect(events.find(({ reason }) => reason === 'ServicesNotRouted')!.message).toContain('Install the package nftables');
  expect(running.problems()).not.toEqual([]);
});

test('a kernel without tables for bridges routes Services all the same, and it is said what may not work', async () => {
  refuses = (script) => (script.includes('bridge') ? new NftError('Operation not supported') : undefined);
  assignment = assigned({ services: [SERVICE] });
  start();
  await eventually('Services are routed', () => expect(has('10.96.0.10 . tcp . 80')).toBe(true));
  expect(events.map(({ reason }) => reason)).toEqual(['SameHostTrafficNotRouted']);
});

test('what it was assigned is routed, the same again changes nothing, and less is taken away', async () => {
  assignment = assigned({ services: [SERVICE] });
  start();
  await eventually('Services are routed', () => expect(has('10.96.0.10 . tcp . 80')).toBe(true));
  scripts.length = 0;
  running.check();
  assignment = assigned({ services: [{ ...SERVICE }] });
  running.check();
  await running.close();
  expect(scripts).toEqual([]);
  const other = { ...SERVICE, name: 'other', clusterIP: '10.96.0.11' };
  assignment = assigned({ services: [SERVICE, other] });
  running.check();
  await eventually('the other one comes', () => expect(has('10.96.0.11')).toBe(true));
  expect(has('delete table')).toBe(false);
});
