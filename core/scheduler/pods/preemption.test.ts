import { describe, expect, test } from '@jest/globals';
import { node, pod } from '../../../test/support/builders.ts';
import type { Pod } from '../../resources/schema/pod.ts';
import type { Placement } from '../types.ts';
import { placePods } from './place-pods.ts';

const running = (name: string, nodeName: string, cpu: string, priority = 0): Pod =>
  pod(name, { nodeName, requests: { cpu }, spec: { priority } });
const waiting = (name: string, cpu: string, priority: number): Pod => pod(name, { requests: { cpu }, spec: { priority } });
const ending = (each: Pod): Pod => ({ ...each, metadata: { ...each.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
const kept = (placement: Placement) =>
  placement.nodeName === undefined && placement.nominated
    ? [placement.nominated.nodeName, ...placement.nominated.victims.map(({ metadata }) => metadata.name)]
    : placement.nodeName;

describe('an important pod that finds no room', () => {
  test('waits for what is ending anyway, and makes nobody else go', () => {
    const bound = [ending(running('old', 'a', '2')), running('other', 'b', '2')];
    const nodes = ['a', 'b'].map((name) => node(name, { cpu: '2' }));
    expect(placePods({ nodes, bound, pending: [waiting('p', '2', 10)] }).map(kept)).toEqual([['a']]);
  });

  test('shares what one victim leaves with others as important', () => {
    const pending = ['p', 'q', 'r'].map((name) => waiting(name, '1', 10));
    const bound = [running('big', 'a', '2'), running('small', 'b', '2')];
    const nodes = ['a', 'b'].map((name) => node(name, { cpu: '2' }));
    expect(placePods({ nodes, bound, pending }).map(kept)).toEqual([['a', 'big'], ['a'], ['b', 'small']]);
  });

  test('and others like it make as many go as they need together, and nobody twice', () => {
    const names = ['a', 'b', 'c'];
    const nodes = names.map((name) => node(name, { cpu: '12' }));
    const bound = names.flatMap((name) => Array.from({ length: 12 }, (_, index) => running(`${name}${index}`, name, '1')));
    const pending = Array.from({ length: 6 }, (_, index) => waiting(`p${index}`, '4', 10));
    const victims = placePods({ nodes, bound, pending }).flatMap((placement) =>
      placement.nodeName === undefined ? (placement.nominated?.victims ?? []) : [],
    );
    expect(victims).toHaveLength(24);
    expect(new Set(victims).size).toBe(24);
  });

  test('takes the place of the least important, on whichever of many nodes that is', () => {
    const names = Array.from({ length: 100 }, (_, index) => `n${String(index).padStart(3, '0')}`);
    const nodes = names.map((name) => node(name, { cpu: '2' }));
    const bound = names.map((name, index) => running(`on-${name}`, name, '2', index === 90 ? 1 : 5));
    expect(placePods({ nodes, bound, pending: [waiting('p', '2', 10)] }).map(kept)).toEqual([['n090', 'on-n090']]);
  });

  test('makes one go, not two, though both matter less than nothing', () => {
    const nodes = ['a', 'b'].map((name) => node(name, { cpu: '2' }));
    const bound = [running('one', 'a', '1', -5), running('two', 'a', '1', -5), running('three', 'b', '2', -5)];
    expect(placePods({ nodes, bound, pending: [waiting('p', '2', 10)] }).map(kept)).toEqual([['b', 'three']]);
  });

  test('finds the victim that the budget allows, if another one under it would be too small', () => {
    const bound = [running('small', 'a', '1'), running('large', 'a', '3', 1)];
    const budgets = [{ covers: () => true, allowed: 1 }];
    const nodes = [node('a', { cpu: '4' })];
    expect(placePods({ nodes, bound, pending: [waiting('p', '3', 10)], budgets }).map(kept)).toEqual([['a', 'large']]);
    expect(placePods({ nodes, bound, pending: [waiting('p', '4', 10)], budgets }).map(kept)).toEqual([undefined]);
  });

  test('is not there yet: what needs to be near it waits with it, and says so', () => {
    const near = {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: 'db' } }, topologyKey: 'kubernetes.io/hostname' },
        ],
      },
    };
    const db = pod('db', { labels: { app: 'db' }, requests: { cpu: '2' }, spec: { priority: 10 } });
    const follower = pod('follower', { spec: { affinity: near } });
    const placements = placePods({
      nodes: [node('a', { cpu: '2', labels: { 'kubernetes.io/hostname': 'a' } })],
      bound: [running('old', 'a', '2')],
      pending: [db, follower],
    });
    expect(placements.map(kept)).toEqual([['a', 'old'], undefined]);
    expect(placements[1]!.nodeName === undefined && [...placements[1]!.refusals]).toEqual([
      ["node(s) didn't match pod affinity rules", 1],
    ]);
  });

  test('makes nobody go to become the first of its kind: what is made anew for them would be the first elsewhere, and have to go again', () => {
    const near = {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: 'db' } }, topologyKey: 'kubernetes.io/hostname' },
        ],
      },
    };
    const db = (name: string, given: Parameters<typeof pod>[1]) =>
      pod(name, { ...given, labels: { app: 'db' }, requests: { cpu: '2' } });
    const important = db('p', { spec: { priority: 10, affinity: near } });
    const nodes = ['a', 'b'].map((name) => node(name, { cpu: '2', labels: { 'kubernetes.io/hostname': name } }));
    expect(placePods({ nodes, bound: [db('first', { nodeName: 'a' })], pending: [important] }).map(kept)).toEqual([undefined]);
    // One that goes anyway is no reason to wait, and others of its kind may stay where they are.
    const gone = ending(db('first', { nodeName: 'a' }));
    expect(placePods({ nodes, bound: [gone], pending: [important] }).map(kept)).toEqual([['a']]);
    const roomy = [...nodes, node('c', { cpu: '4', labels: { 'kubernetes.io/hostname': 'c' } })];
    const beside = [db('one', { nodeName: 'c' }), db('two', { nodeName: 'c' })];
    expect(placePods({ nodes: roomy, bound: beside, pending: [important] }).map(kept)).toEqual([['c', 'two']]);
  });
});
