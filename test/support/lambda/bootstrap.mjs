// What Lambda's runtime for Node does, as far as our bundles can tell: asks the Runtime API for events and answers them
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), streaming where the handler asked for it. Plain JavaScript: it is
// run by the function's Node, whichever that is.
import http from 'node:http';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';

const { AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT, _HANDLER } = process.env;
const [host, port] = AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true });
const STREAMS = Symbol('streams');
const INTEGRATION = 'application/vnd.awslambda.http-integration-response';

globalThis.awslambda = {
  streamifyResponse(handler) {
    handler[STREAMS] = true;
    return handler;
  },
  HttpResponseStream: {
    from(stream, head) {
      stream.contentType = INTEGRATION;
      stream.prelude = Buffer.concat([Buffer.from(JSON.stringify(head)), Buffer.alloc(8)]);
      return stream;
    },
  },
};

function call(method, path, headers = {}) {
  let settle;
  const answer = new Promise((resolve, reject) => (settle = { resolve, reject }));
  const request = http.request({ host, port, agent, method, path: `/2018-06-01/runtime/${path}`, headers }, (response) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('end', () => settle.resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
  });
  request.on('error', settle.reject);
  return { request, answer };
}

async function post(path, body, headers) {
  const { request, answer } = call('POST', path, headers);
  request.end(body);
  await answer;
}

class ResponseStream extends Writable {
  #id;
  #sending;
  constructor(id) {
    super();
    this.#id = id;
  }
  #open() {
    if (this.#sending) return this.#sending;
    const headers = { 'lambda-runtime-function-response-mode': 'streaming', 'transfer-encoding': 'chunked' };
    if (this.contentType) headers['content-type'] = this.contentType;
    this.#sending = call('POST', `invocation/${this.#id}/response`, headers);
    this.#sending.request.on('error', (error) => this.destroy(error));
    // A client that has gone is told by the stream; nobody may be waiting for the answer yet.
    this.#sending.answer.catch(() => {});
    if (this.prelude) this.#sending.request.write(this.prelude);
    return this.#sending;
  }
  _write(chunk, _encoding, done) {
    const { request } = this.#open();
    if (chunk.length === 0) done();
    else request.write(chunk, done);
  }
  _final(done) {
    const { request, answer } = this.#open();
    request.end();
    answer.then(() => done(), done);
  }
}

const problem = (error) =>
  JSON.stringify({
    errorMessage: String(error?.message ?? error),
    errorType: error?.name ?? 'Error',
    stackTrace: (error?.stack ?? '').split('\n'),
  });

let handler;
try {
  const [file, name] = _HANDLER.split('.');
  handler = (await import(pathToFileURL(join(LAMBDA_TASK_ROOT, `${file}.mjs`)).href))[name];
} catch (error) {
  await post('init/error', problem(error), { 'lambda-runtime-function-error-type': 'Runtime.InitError' });
  process.exit(1);
}

for (;;) {
  const { request, answer } = call('GET', 'invocation/next');
  request.end();
  const { headers, body } = await answer;
  const id = headers['lambda-runtime-aws-request-id'];
  const context = {
    awsRequestId: id,
    getRemainingTimeInMillis: () => Number(headers['lambda-runtime-deadline-ms']) - Date.now(),
  };
  try {
    const event = JSON.parse(body);
    if (handler[STREAMS]) await handler(event, new ResponseStream(id), context);
    else await post(`invocation/${id}/response`, JSON.stringify((await handler(event, context)) ?? null));
  } catch (error) {
    await post(`invocation/${id}/error`, problem(error), { 'lambda-runtime-function-error-type': 'Runtime.Error' });
  }
}
