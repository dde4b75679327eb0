// Runs in a lab's network namespace: what connects to ADDRESS:PORT there comes out of the unix socket PATH. Ends with its standard input.
import { connect, createServer } from 'node:net';

const [address, port, path] = process.argv.slice(2);
const server = createServer((inside) => {
  const outside = connect(path);
  const end = () => {
    inside.destroy();
    outside.destroy();
  };
  inside.on('error', end).on('close', end).pipe(outside);
  outside.on('error', end).on('close', end).pipe(inside);
});
server.listen(Number(port), address, () => process.stdout.write('listening\n'));
process.stdin.on('end', () => process.exit(0)).resume();
