import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { EMBEDDED_TABLES } from '../../store/dynamodb.ts';
import type { ControlPlane } from './control-plane.ts';

/** It answers in a few. */
const ANSWER_MS = 2_000;

/** What is wrong with what the server keeps its data in; undefined: nothing. Everybody may read it, so it holds no path and no port. */
export async function storeProblem({ client, keyspaces }: ControlPlane): Promise<string | undefined> {
  const ofDisk = keyspaces.problem();
  if (ofDisk !== undefined) return ofDisk;
  try {
    await client.send(new DescribeTableCommand({ TableName: EMBEDDED_TABLES.tenant }), {
      abortSignal: AbortSignal.timeout(ANSWER_MS),
    });
    return undefined;
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    const why = name === 'AbortError' ? `within ${ANSWER_MS / 1000} s` : `(${code ?? name})`;
    return `the store does not answer ${why}. The server starts it again by itself if it has ended; its log says more`;
  }
}
