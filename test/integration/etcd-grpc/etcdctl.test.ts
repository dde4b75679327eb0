import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEtcd, type RunningEtcd, startEtcd } from '../etcd/debian-etcd.ts';
import { eventually } from '../../support/eventually.ts';
import { Etcdctl, normalise } from './etcdctl.ts';
import { type OurEtcd, startOurs } from './our-etcd.ts';

/** A limit on hanging: a hundred commands and more are run in turn. */
jest.setTimeout(300_000);

/**
 * Debian's etcdctl says the same against the host's endpoint as against Debian's etcd: output, errors and exit codes. Both begin empty
 * and are told the same, so that revisions agree, too; what may differ is listed in etcdctl.ts.
 */
const binary = await findEtcd();
const withEtcd = binary ? describe : describe.skip;

withEtcd('etcdctl', () => {
  let theirs: RunningEtcd;
  let ours: OurEtcd;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etcdctl-'));
    theirs = await startEtcd(binary!);
    ours = await startOurs();
  });
  afterAll(async () => {
    await ours?.stop();
    await theirs?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Tells both the same, at the same time. */
  function same(name: string, act: (etcd: Etcdctl) => Promise<void>): void {
    test(name, async () => {
      const both = [theirs.url, ours.url].map((url) => new Etcdctl(url.slice('http://'.length), directory));
      try {
        await Promise.all(both.map(act));
      } finally {
        for (const each of both) each.stop();
      }
      const [expected, answered] = both.map(({ transcript }) => transcript.map(normalise));
      expect(answered).toEqual(expected);
      expect(ours.errors).toEqual([]);
    });
  }

  /** Waits until that many stand in line for it. */
  const queueOf = (etcd: Etcdctl, name: string, count: number) =>
    eventually(`${count} wait for ${name}`, async () => {
      const keys = await etcd.quietly(`get ${name}/ --prefix --keys-only`);
      if (keys.trim().split(/\n+/).length < count) throw new Error('not yet');
    });

  const all = (commands: readonly string[]) => async (etcd: Etcdctl) => {
    for (const command of commands) await etcd.run(command);
  };

  const FORMATS = ['simple', 'json', 'fields', 'table', 'protobuf'];

  same('put', async (etcd) => {
    await all(['put a 1', 'put a 2 --prev-kv', 'put new x --prev-kv', "put empty ''", 'put a', 'put', 'put a b c'])(etcd);
    await etcd.run('put from-stdin', { stdin: 'the value\nof two lines' });
    await all([
      'put a --ignore-value',
      'put missing --ignore-value',
      'put a 3 --ignore-value',
      'put a 3 --ignore-lease',
      'put missing 3 --ignore-lease',
      'put a 4 --lease=1234',
      'put a 4 --lease=nonsense',
      "put '' x",
      'put spaced~key spaced~value -w json',
    ])(etcd);
  });

  same('get, with every flag', async (etcd) => {
    await all(['put g1 c', 'put g2 b', 'put g3 a', 'put g1 d'])(etcd);
    await all([
      'get g1',
      'get nothing',
      'get g1 g3',
      'get g --prefix',
      'get g --prefix --limit=2',
      'get g --prefix --keys-only',
      'get g --prefix --count-only -w fields',
      'get g --prefix --print-value-only',
      'get g2 --from-key',
      "get '' --from-key",
      "get '' --prefix",
      'get g --prefix --order=DESCEND --sort-by=KEY',
      'get g --prefix --order=ASCEND --sort-by=VALUE',
      'get g --prefix --sort-by=CREATE --order=DESCEND',
      'get g --prefix --sort-by=MODIFY',
      'get g --prefix --sort-by=VERSION --order=DESCEND',
      'get g --prefix --order=SIDEWAYS',
      'get g --prefix --sort-by=COLOUR',
      'get g1 --rev=1',
      'get g1 --rev=100000',
      'get g1 --consistency=s',
      'get g1 --consistency=x',
      'get g1 --hex',
      'get g --prefix --from-key',
      'get',
    ])(etcd);
    for (const format of FORMATS) await etcd.run(`get g --prefix -w ${format}`, format === 'protobuf' ? { hide: 'output' } : {});
  });

  same('del', async (etcd) => {
    await all(['put d1 a', 'put d2 b', 'put d3 c', 'put d4 d'])(etcd);
    await all([
      'del nothing',
      'del d1',
      'del d2 d4 --prev-kv',
      'del d --prefix',
      'put d1 a',
      'put d2 b',
      'del d2 --from-key --prev-kv -w json',
      'del',
      'del d1 -w fields',
    ])(etcd);
  });

  same('txn', async (etcd) => {
    const txn = (stdin: string, flags = '') => etcd.run(`txn${flags}`, { stdin });
    await txn('mod("t") = "0"\n\nput t "first value"\nget t\n\nget t\n\n');
    await txn('mod("t") = "0"\n\nput t again\n\nget t\ndel t\n\n');
    await txn('ver("t") > "0"\n\nput t x\n\n\n');
    await txn('create("t") > "1"\nval("t") = "x"\n\ndel t --prev-kv\nget t --prefix\n\n\n', ' -w json');
    await txn('val("t") != "x"\n\n\nput t y\n\n');
    await txn('\nput t 1\nput t 2\n\n\n');
    await txn('\nput t 1 --ignore-value\n\n\n');
    await txn('\nget t --rev=1000000\n\n\n');
    // The client panics, with addresses in its words.
    await etcd.run('txn', { stdin: 'nonsense\n\n\n\n', hide: 'output' });
    await etcd.run('txn', { stdin: 'val("t") ~ "x"\n\n\n\n', hide: 'output' });
    await txn('', '');
    await txn('mod("t") > "0"\n\nput t "interactive"\n\nget t\n\n', ' -i');
  });

  same('compaction', async (etcd) => {
    await all(['put c 1', 'put c 2', 'put c 3'])(etcd);
    const { revision } = JSON.parse(await etcd.run('get c -w json')).header as { revision: number };
    await all([
      `compaction ${revision - 1}`,
      `compaction ${revision - 1}`,
      `compaction ${revision - 1} --physical`,
      `compaction ${revision + 1000}`,
      'compaction nonsense',
      'compaction',
      `get c --rev=${revision - 2}`,
      `get c --rev=${revision - 1}`,
    ])(etcd);
  });

  same('watch', async (etcd) => {
    await etcd.run('put w0 start');
    const { revision } = JSON.parse(await etcd.run('get w0 -w json')).header as { revision: number };
    await all(['put w1 a', 'put w2 b', 'put w1 c', 'del w1', 'put x nothing'])(etcd);
    const from = `--rev=${revision + 1}`;
    const watches = [
      [`watch w1 ${from}`, 9],
      [`watch w --prefix ${from}`, 12],
      [`watch w --prefix --prev-kv ${from}`, 16],
      [`watch w1 w2 ${from} -w json`, 1],
      [`watch w1 ${from} -w fields`, 25],
      [`watch w1 ${from} -- sh -c echo~$ETCD_WATCH_EVENT_TYPE~$ETCD_WATCH_KEY~$ETCD_WATCH_VALUE`, 12],
    ] as const;
    for (const [command, lines] of watches) {
      const watch = etcd.start(command);
      await watch.lines(lines);
      await watch.interrupt();
    }
    const interactive = etcd.start('watch -i', { interactive: true });
    interactive.write(`watch w1 ${from}\n`);
    await interactive.lines(9);
    interactive.write('nonsense\n', 'and no more');
    await interactive.ended;
    await etcd.run('watch');
  });

  same('watch from a revision that is compacted', async (etcd) => {
    await all(['put wc 1', 'put wc 2'])(etcd);
    const { revision } = JSON.parse(await etcd.run('get wc -w json')).header as { revision: number };
    await etcd.run(`compaction ${revision}`);
    await etcd.run(`watch wc --rev=${revision - 1}`);
  });

  same('lease', async (etcd) => {
    const grant = async (ttl: number) => /lease ([0-9a-f]+) granted/.exec(await etcd.run(`lease grant ${ttl}`))![1]!;
    const lease = await grant(500);
    await all([
      `put leased/a 1 --lease=${lease}`,
      `lease timetolive ${lease}`,
      `lease timetolive ${lease} --keys`,
      `lease timetolive ${lease} --keys -w json`,
      'lease list',
      `lease keep-alive --once ${lease}`,
      // Of several keys etcd tells in no order.
      `put leased/b 2 --lease=${lease}`,
      'get leased/ --prefix -w json',
      `put leased/a 3 --ignore-lease`,
      `put leased/b 3`,
      `lease timetolive ${lease} --keys`,
      `lease revoke ${lease}`,
      'get leased/ --prefix',
      `lease revoke ${lease}`,
      `lease timetolive ${lease}`,
      `lease keep-alive --once ${lease}`,
      'lease list',
      'lease grant nonsense',
      'lease grant',
      'lease grant 9000000001',
      'lease revoke nonsense',
    ])(etcd);
    const forever = await grant(3);
    const alive = etcd.start(`lease keep-alive ${forever}`);
    await alive.lines(2);
    await etcd.run(`lease revoke ${forever}`);
    await alive.interrupt();
  });

  same('endpoint and member', async (etcd) => {
    await all([
      'endpoint health',
      'endpoint health --cluster',
      'endpoint health -w json',
      'endpoint status -w json',
      'endpoint status -w fields',
      'member list',
      'member list -w json',
      'member list -w fields',
    ])(etcd);
    // Columns are as wide as the ids and sizes in them.
    await etcd.run('endpoint status -w table', { hide: 'output' });
    await etcd.run('member list -w table', { hide: 'output' });
  });

  same('lock', async (etcd) => {
    await etcd.run('lock name echo got~it');
    await etcd.run('lock name false');
    await etcd.run('lock');
    const holder = etcd.start('lock contended');
    await holder.lines(1);
    const waiter = etcd.start('lock contended --ttl=20 echo second');
    await queueOf(etcd, 'contended', 2);
    const third = etcd.start('lock contended');
    await queueOf(etcd, 'contended', 3);
    await holder.interrupt();
    await waiter.ended;
    await third.lines(1);
    await third.interrupt();
    await etcd.run('get contended --prefix');
  });

  same('elect', async (etcd) => {
    await etcd.run('elect -l');
    const leader = etcd.start('elect job first');
    await leader.lines(2);
    const listener = etcd.start('elect -l job');
    await listener.lines(2);
    const next = etcd.start('elect job second');
    await queueOf(etcd, 'job', 2);
    await leader.interrupt();
    await next.lines(2);
    await listener.lines(4);
    // First: when the leader goes it would look for the next one, and complain if it is ended amid that.
    await listener.interrupt();
    await next.interrupt();
  });

  same('maintenance', async (etcd) => {
    await all(['alarm list', 'alarm disarm', 'defrag', 'endpoint hashkv', 'endpoint hashkv -w json', 'compaction 1'])(etcd);
    await all(['move-leader', 'move-leader nonsense', 'move-leader 1234'])(etcd);
    await etcd.run('snapshot save');
    await etcd.run(`snapshot save ${etcd.endpoint}.db`, { hide: 'output' });
  });

  same('a mirror', async (etcd) => {
    await all(['put from/a 1', 'put from/b 2'])(etcd);
    const mirror = etcd.start(`make-mirror --prefix from/ --dest-prefix to/ ${etcd.endpoint}`);
    await eventually('it is there', async () => {
      if ((await etcd.quietly('get to/ --prefix --keys-only')).split('to/').length < 3) throw new Error('not yet');
    });
    await etcd.run('put from/c 3');
    await eventually('it follows', async () => {
      if ((await etcd.quietly('get to/c')) === '') throw new Error('not yet');
    });
    await mirror.interrupt();
    await etcd.run('get to/ --prefix');
  });

  same('check datascale: ten thousand keys in and, as one revision, out', async (etcd) => {
    await etcd.run('check datascale --load=s --prefix=scale/', { hide: 'output' });
    await etcd.run('get scale/ --prefix --limit=1 --keys-only -w json', { hide: 'output' });
  });

  same('users, roles and what they may do', async (etcd) => {
    await all([
      'user add alice:secret',
      'user add alice:secret',
      'user add nobody --no-password',
      'user list',
      'role add reader',
      'role add reader',
      'role add writer',
      'role grant-permission reader read auth/a auth/c',
      'role grant-permission reader read auth/x --prefix',
      'role grant-permission writer readwrite auth/w',
      'role grant-permission writer write auth/z --from-key',
      'role grant-permission writer destroy auth/w',
      'role grant-permission missing read a',
      'role get reader',
      'role get writer',
      'role get missing',
      'role list',
      'user grant-role alice reader',
      'user grant-role alice missing',
      'user grant-role missing reader',
      'user get alice',
      'user get alice --detail',
      'user get missing',
      'user revoke-role alice writer',
      'role revoke-permission writer auth/w',
      'role revoke-permission writer auth/w',
      'auth enable',
      'user add root:root',
      'auth enable',
      'user grant-role root root',
      'auth enable',
      'get auth/a',
      'put auth/a 1 --user root:root',
      'put auth/a 1 --user root:wrong',
      'put auth/a 1 --user missing:x',
      'get auth/a --user alice:secret',
      'get auth/a auth/c --user alice:secret',
      'get auth/a auth/d --user alice:secret',
      'put auth/a 2 --user alice:secret',
      'del auth/a --user alice:secret',
      'get auth/a --user alice --password secret',
      'watch auth/q --user alice:secret',
      'lease grant 100 --user alice:secret',
      'user list --user alice:secret',
      'role list --user alice:secret',
      'user get alice --user alice:secret',
      'role get reader --user alice:secret',
      'role get writer --user alice:secret',
      'compaction 1 --user alice:secret',
      'auth disable --user alice:secret',
      'user grant-role alice writer --user root:root',
      'put auth/zz 1 --user alice:secret',
      'user revoke-role alice writer --user root:root',
      'put auth/zz 1 --user alice:secret',
      'role delete writer --user root:root',
      'user delete nobody --user root:root',
      'user delete root --user root:root',
      'role delete root --user root:root',
    ])(etcd);
    await etcd.run('user passwd alice --interactive=false --user root:root', { stdin: 'changed\n' });
    await all([
      'get auth/a --user alice:secret',
      'get auth/a --user alice:changed',
      'auth disable --user root:root',
      'get auth/a',
      'auth disable',
      'user delete alice',
      'user delete alice',
    ])(etcd);
    await etcd.run('txn --user alice:x', { stdin: '\n\n\n' });
  });

  same('a command that is none', all(['nonsense', 'get a --nonsense', 'version']));
});
