import { describe, expect, test } from '@jest/globals';
import { deployment, node, pod } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import { Draft } from './draft.ts';
import { runControllers } from './fixpoint.ts';
import type { Controller } from './types.ts';

const paint = (colour: string): Controller => ({
  name: `paint-${colour}`,
  decide(state, now) {
    const draft = new Draft(this.name, now);
    for (const each of state.list('Pod'))
      if (each.metadata.labels?.['colour'] !== colour)
        draft.update({ ...each, metadata: { ...each.metadata, labels: { colour } } });
    return draft.finish();
  },
});

const NOBODY = { heartbeats: new Map(), heardAsOf: 0 };

describe('running the controllers', () => {
  test('a second run changes nothing', async () => {
    const cluster = await TestCluster.with(
      node('n1'),
      deployment('web'),
      deployment('big', { podSpec: { nodeSelector: { no: 'where' } } }),
    );
    await cluster.settle();
    const { revision } = cluster.keyspace.view();
    const outcome = await cluster.settle();
    expect([cluster.keyspace.view().revision, outcome.end]).toEqual([revision, 'rest']);
  });

  test('ends although two controllers work against each other, and names them', async () => {
    const cluster = await TestCluster.with(pod('p'));
    const outcome = runControllers(cluster.keyspace.view(), NOBODY, [paint('red'), paint('blue')], cluster.ctx());
    expect([outcome.end, outcome.restless]).toEqual(['restless', ['paint-red', 'paint-blue']]);
  });

  test('goes on when one controller fails as a whole', async () => {
    const cluster = await TestCluster.with(pod('p'));
    const broken: Controller = {
      name: 'broken',
      decide() {
        throw new Error('a mistake');
      },
    };
    const outcome = runControllers(cluster.keyspace.view(), NOBODY, [broken, paint('red')], cluster.ctx());
    expect(outcome.problems).toEqual([{ controller: 'broken', message: 'a mistake' }]);
    expect(outcome.state.get('Pod', 'default', 'p')?.metadata.labels).toEqual({ colour: 'red' });
  });

  test('stops when the commit is full and goes on from there, to the same end', async () => {
    const cluster = await TestCluster.with(node('n1'), node('n2'), deployment('web', { replicas: 20 }));
    const first = await cluster.settle({ maxBytes: 10_000 });
    expect(first.end).toBe('more');
    let runs = 1;
    while ((await cluster.settle({ maxBytes: 10_000 })).end === 'more') runs++;
    expect(runs).toBeGreaterThan(2);
    expect(cluster.pods).toHaveLength(20);
    expect(cluster.pods.every(({ spec }) => spec.nodeName)).toBe(true);
  });

  test('tells of a change that no commit can hold, and makes the others', async () => {
    const huge = pod('huge');
    huge.metadata.annotations = { notes: 'x'.repeat(20_000) };
    const cluster = await TestCluster.with(huge, pod('small'));
    const outcome = runControllers(cluster.keyspace.view(), NOBODY, [paint('red')], cluster.ctx(), { maxBytes: 10_000 });
    expect(outcome.end).toBe('rest');
    expect(outcome.state.get('Pod', 'default', 'small')?.metadata.labels).toEqual({ colour: 'red' });
    expect(outcome.problems).toMatchObject([
      { object: { metadata: { name: 'huge' } }, message: expect.stringContaining('too many') },
    ]);
  });

  test('writes no reason for a change that was refused or that changed nothing', async () => {
    const cluster = await TestCluster.with(pod('p'));
    const careless: Controller = {
      name: 'careless',
      decide(state, now) {
        const draft = new Draft(this.name, now);
        const [each] = state.list('Pod');
        draft.update(each!);
        draft.because(each!, 'Normal', 'Nothing', 'changed nothing');
        draft.update({ ...each!, metadata: { ...each!.metadata, labels: { 'not a label': '!' } } });
        draft.because(each!, 'Normal', 'Refused', 'was refused');
        return draft.finish();
      },
    };
    const outcome = runControllers(cluster.keyspace.view(), NOBODY, [careless], cluster.ctx());
    expect(outcome.state.list('Event')).toEqual([]);
    expect(outcome.end).toBe('rest');
    expect(outcome.problems.map(({ message }) => message)).toEqual([expect.stringContaining('metadata.labels')]);
  });

  test('counts an Event up when its reason is told again', async () => {
    const cluster = await TestCluster.with(pod('p'));
    let told = 0;
    const teller: Controller = {
      name: 'teller',
      decide(state, now) {
        const draft = new Draft(this.name, now);
        const [each] = state.list('Pod');
        if (told++ < 3) {
          draft.update({ ...each!, metadata: { ...each!.metadata, labels: { told: String(told) } } });
          draft.because(each!, 'Normal', 'Told', 'the same');
        }
        return draft.finish();
      },
    };
    const { state } = runControllers(cluster.keyspace.view(), NOBODY, [teller], cluster.ctx());
    expect(state.list('Event').map(({ count }) => count)).toEqual([3]);
  });
});
