import { StringDecoder } from 'node:string_decoder';

/** The lines of a byte stream, as each one is complete; the last also without an end of line. */
export async function* lines(stream: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    rest += decoder.write(chunk as Buffer);
    const whole = rest.split('\n');
    rest = whole.pop() ?? '';
    yield* whole;
  }
  rest += decoder.end();
  if (rest) yield rest;
}
