import { KV_PATH } from '../../core/node/kv.ts';
import { KV_STREAM_HEADER } from '../../core/node/kv-stream.ts';
import type { BytesClient, SignedRequest } from '../uplink/signed-client.ts';
import { ask } from './control-plane.ts';
import type { KvQuestions } from './questions.ts';

/** A signed HTTP request for each question. `onStreams`: the control plane has kept connections for them, too. */
export function httpQuestions(client: BytesClient, onStreams: () => void = () => {}): KvQuestions {
  const get = async (request: SignedRequest): Promise<Buffer> => {
    const { headers, body } = await ask(client, request);
    if (headers[KV_STREAM_HEADER] === '1') onStreams();
    return body;
  };
  return {
    calls: (body, options) => get({ method: 'POST', path: `${KV_PATH}/calls`, body, ...options }),
    tail({ after, verify, news, watch, reads }, options) {
      const flags = `${verify ? '&verify=1' : ''}${news ? '&news=1' : ''}${watch ? '&watch=1' : ''}${reads === undefined ? '' : `&reads=${reads}`}`;
      return get({ method: 'GET', path: `${KV_PATH}/tail?after=${after}${flags}`, ...options });
    },
    snapshot(cursor, options) {
      const query = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
      return get({ method: 'GET', path: `${KV_PATH}/snapshot${query}`, ...options });
    },
    past({ from, to }, options) {
      return get({ method: 'GET', path: `${KV_PATH}/past?from=${from}&to=${to}`, ...options });
    },
    cheap: () => false,
  };
}
