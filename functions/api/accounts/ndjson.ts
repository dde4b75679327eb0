import type { Context } from 'hono';

/** One JSON document a line, written as fast as they are read. The first is made before the answer begins, so that what fails at once has its own status. */
export async function ndjson(c: Context, fileName: string, documents: AsyncGenerator<unknown>): Promise<Response> {
  const first = await documents.next();
  const encoder = new TextEncoder();
  const line = (document: unknown) => encoder.encode(`${JSON.stringify(document)}\n`);
  let step = first;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (step.done) return controller.close();
      controller.enqueue(line(step.value));
      step = await documents.next();
    },
    async cancel() {
      await documents.return(undefined);
    },
  });
  return c.body(body, 200, {
    'content-type': 'application/x-ndjson',
    'content-disposition': `attachment; filename="${fileName}"`,
    'cache-control': 'no-store',
  });
}
