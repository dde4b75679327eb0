import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { EMBEDDED_TABLES } from '../../store/dynamodb.ts';
import type { ControlPlane } from './control-plane.ts';

/** What is wrong with what the server keeps its data in; undefined: nothing. Everybody may read it, so it holds no path and no port. */
export async function storeProblem({ client, keyspaces }: ControlPlane): Promise<string | undefined> {
  const ofDisk = keyspaces.problem();
  if (ofDisk !== undefined) return ofDisk;
  try {
    await client.send(new DescribeTableCommand({ TableName: EMBEDDED_TABLES.tenant }), {
      abortSignal: AbortSignal.timeout(2000),
    });
    return undefined;
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    return `the store does not answer (${code ?? name}). The server's log says why, and starts it again when it ended`;
  }
}
