/**
 * What runs in a test's "pod": serves its name and the caller's address on the ports given (TCP and UDP), and calls others when told to.
 *
 *     node pod-process.mjs NAME [PORT...]
 *
 * Told by lines of JSON on stdin: {id, protocol, host, port, from?, ms}. Answers by lines {id, name, from} or {id, error}.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const [name, ...ports] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

for (const port of ports.map(Number)) {
  createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(JSON.stringify({ name, from: socket.remoteAddress.replace('::ffff:', '') }));
  }).listen(port, '0.0.0.0', () => say({ listening: port }));
  const udp = createSocket('udp4');
  udp.on('message', (_, { address, port: to }) => udp.send(JSON.stringify({ name, from: address }), to, address));
  udp.bind(port);
}
if (ports.length === 0) say({ listening: 0 });

/** One socket for each source port, so that later datagrams belong to the same flow. */
const flows = new Map();

const callers = {
  tcp({ id, host, port, ms }) {
    let text = '';
    const socket = connect({ host, port });
    socket.setTimeout(ms, () => socket.destroy(new Error('timeout')));
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', (error) => say({ id, error: error.code ?? error.message }));
    socket.on('end', () => say({ id, ...JSON.parse(text) }));
  },
  udp({ id, host, port, from, ms }) {
    let socket = flows.get(from);
    if (!socket) {
      socket = createSocket('udp4');
      if (from) flows.set(from, socket);
      socket.connect(port, host);
    }
    const done = (answer) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      say({ id, ...answer });
      if (!from) socket.close();
    };
    const timer = setTimeout(() => done({ error: 'timeout' }), ms);
    const send = () => socket.send('who?');
    socket.on('message', (text) => done(JSON.parse(String(text))));
    socket.on('error', (error) => done({ error: error.code ?? error.message }));
    if (flows.has(from) && socket.remotePort) send();
    else
      socket.once('connect', () => {
        socket.remotePort = port;
        send();
      });
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const call = JSON.parse(line);
  callers[call.protocol](call);
});
