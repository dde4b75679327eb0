import { readFileSync } from 'node:fs';
import { DockerConnection } from '../../agent/docker/connection.ts';
import { dockerEngine } from '../../agent/docker/engine.ts';
import { tar, type TarEntry } from '../../agent/docker/tar.ts';

/** Images for tests, made on the spot from a static binary: nothing is pulled from anywhere. */

/** A shell and the usual commands (Debian's busybox-static), 2 MB. */
export const BUSYBOX = 'terrane.test/busybox:1';

const APPLETS =
  'sh ash cat echo env false true grep head hostname httpd id ip kill ln ls mkdir mount nc netstat printf ps pwd rm sed seq sleep sort stat tail tee test touch trap tr uname wc wget date dd yes';

/** Imports `files` as image `ref`; `changes` are Dockerfile lines such as `CMD ["/bin/sh"]`. */
export async function importImage(
  socketPath: string,
  ref: string,
  files: readonly TarEntry[],
  changes: readonly string[] = [],
): Promise<void> {
  const engine = dockerEngine(new DockerConnection(socketPath));
  try {
    await engine.importImage(ref, tar(files), changes);
  } finally {
    engine.close();
  }
}

export async function importBusybox(socketPath: string, ref = BUSYBOX): Promise<void> {
  await importImage(socketPath, ref, busyboxFiles(), ['ENV PATH=/bin', 'CMD ["/bin/sh"]']);
}

export function busyboxFiles(): TarEntry[] {
  return [
    { path: 'bin', directory: true },
    { path: 'bin/busybox', content: readFileSync('/bin/busybox'), mode: 0o755 },
    ...APPLETS.split(' ').map((name) => ({ path: `bin/${name}`, linkTo: 'busybox' })),
    { path: 'tmp', directory: true, mode: 0o1777 },
    { path: 'etc', directory: true },
    { path: 'etc/passwd', content: 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' },
    { path: 'etc/group', content: 'root:x:0:\nnogroup:x:65534:\n' },
  ];
}
