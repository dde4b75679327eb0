import { createHash } from 'node:crypto';
import type { ServerInfo } from '../core/accounts/api.ts';
import { joinCommand as commandFor, type JoinToken } from '../core/accounts/join-command.ts';
import type { HttpClient } from './http/client.ts';

/** The line that joins a host, with the checksum of the script as this client, which knows the server, gets it. */
export async function joinCommand(http: HttpClient, info: ServerInfo, token: JoinToken): Promise<string> {
  const script = await http.bytes({ path: '/install.sh', accept: '*/*' });
  return commandFor(info, createHash('sha256').update(script).digest('hex'), token);
}
