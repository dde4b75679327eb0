// Runs in the browser's network namespace: what connects to 127.0.0.1:PORT here comes out of DIRECTORY/PORT.sock on the other side.
// Ends with the connection to DIRECTORY/control.sock.
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

const [directory, ...ports] = process.argv.slice(2);
for (const port of ports) {
  const server = createServer((socket) => {
    const outside = connect(join(directory, `${port}.sock`));
    const end = () => {
      socket.destroy();
      outside.destroy();
    };
    socket.on('error', end).on('close', end).pipe(outside);
    outside.on('error', end).on('close', end).pipe(socket);
  });
  await new Promise((resolve) => server.listen(Number(port), '127.0.0.1', resolve));
}
connect(join(directory, 'control.sock'))
  .on('error', () => process.exit(0))
  .on('close', () => process.exit(0))
  .resume();
