import { Command } from 'commander';
import type { Io } from '../io.ts';
import { deleteKeysCommand } from '../kv/commands/del.ts';
import { getKeysCommand } from '../kv/commands/get.ts';
import { leaseCommand } from '../kv/commands/lease.ts';
import { lockCommand } from '../kv/commands/lock.ts';
import { putKeyCommand } from '../kv/commands/put.ts';
import { shellEnvCommand } from '../kv/commands/shell-env.ts';
import { snapshotCommand } from '../kv/commands/snapshot.ts';
import { txnCommand } from '../kv/commands/txn.ts';
import { watchKeysCommand } from '../kv/commands/watch.ts';

export function kvCommand(io: Io): Command {
  const command = new Command('kv')
    // What follows `lock NAME` is a command with options of its own.
    .enablePositionalOptions()
    .summary("the cluster's key-value store (etcd)")
    .description(
      "Reads and writes the cluster's key-value store with etcdctl's flags and output: the control plane's, or with --host the copy of the host that it runs on.",
    );
  for (const make of [
    getKeysCommand,
    putKeyCommand,
    deleteKeysCommand,
    watchKeysCommand,
    txnCommand,
    leaseCommand,
    lockCommand,
    snapshotCommand,
    shellEnvCommand,
  ])
    command.addCommand(make(io));
  return command;
}
