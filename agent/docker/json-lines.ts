import type { IncomingMessage } from 'node:http';
import { DockerUnavailable } from './errors.ts';

/** The JSON objects of a streamed answer (events, pull progress), one a line. Ends when the engine ends it. */
export async function* jsonLines<T>(response: IncomingMessage): AsyncGenerator<T> {
  let rest = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as T;
    }
  } catch (error) {
    throw new DockerUnavailable(`the engine broke off its answer: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as T;
}
