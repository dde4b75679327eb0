import type { Command } from 'commander';
import { withCluster } from '../options.ts';

/** Where the store is reached: as every command of `terrane kv` has it. */
export function withEndpoint(command: Command): Command {
  return withCluster(command)
    .option('--host', "this host's own endpoint, http://127.0.0.1:2379, instead of the control plane's")
    .option('--endpoint <url>', "another host's, or any etcd's")
    .option('--user <name:password>', "a user of the store's own, where those are enabled");
}

/** Which keys: the same words as etcdctl. */
export function withRange(command: Command): Command {
  return command.option('--prefix', 'all keys that begin with it').option('--from-key', 'all keys from it on, in byte order');
}
