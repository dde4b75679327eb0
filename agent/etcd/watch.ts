import { decode, watchAnswer, watchRequest, type WireWriter } from '../../core/etcd/protobuf/index.ts';
import type { EtcdService, WatchRequest, WatchSession } from '../../core/etcd/service.ts';
import { bidi, type Method } from '../grpc/method.ts';
import { callerOf } from './caller.ts';

/** The Watch stream. The client's end of it ends its watches, as with etcd. */
export function watchMethod(service: EtcdService, writer: WireWriter): Method {
  return bidi<WatchRequest | undefined>({
    decode: (bytes) => decode(watchRequest, bytes),
    async handle(requests, call, send) {
      const session = service.watch(callerOf(call));
      try {
        const receiving = receive(requests, session);
        // Its failure ends the answers, and is seen then.
        receiving.catch(() => undefined);
        for await (const answer of session.answers) {
          if (call.aborted) break;
          watchAnswer.write(writer.start(), answer);
          // The next answer isn't made before the client has taken this one.
          await send(writer.grpcView());
        }
        session.close();
        await receiving;
      } finally {
        session.close();
      }
    },
  });
}

async function receive(requests: AsyncIterableIterator<WatchRequest | undefined>, session: WatchSession): Promise<void> {
  try {
    for await (const request of requests) {
      if (request) session.send(request);
    }
  } finally {
    session.close();
  }
}
