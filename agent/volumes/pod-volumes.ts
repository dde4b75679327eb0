import { chmod, chown, mkdir, open, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { wholeValue } from '../../core/resources/quantity.ts';
import type { Container, Pod, Volume } from '../../core/resources/schema/pod.ts';
import type { Mount } from '../docker/types.ts';
import type { ConfigSource } from '../runtime/environment.ts';
import { StartFailure } from '../runtime/start-failure.ts';
import { writeDirectory } from './atomic-directory.ts';
import { ensureHostPath } from './host-path.ts';
import type { Layout } from './layout.ts';
import { payloadOf } from './payload.ts';
import { ensureTmpfs, unmountBelow } from './tmpfs.ts';

/** All secrets of a host together; a Secret has at most 1 MB. */
const SECRETS_BYTES_MAX = 256 * 1024 * 1024;

/** What pods have on this host's disk and in its memory. */
export interface PodVolumes {
  /** Makes the pod's volumes, or brings them up to date. Throws StartFailure. */
  prepare(pod: Pod, source: ConfigSource): Promise<void>;
  /** A container's mounts. The volumes must be there. Makes its termination message file. */
  mounts(pod: Pod, container: Container, attempt: number): Promise<Mount[]>;
  /** Removes all that the pod had. */
  remove(uid: string): Promise<void>;
}

export function podVolumes(layout: Layout, warn: (message: string) => void): PodVolumes {
  let secretsReady: Promise<void> | undefined;

  /** Where this process may not mount, secrets lie in the data directory, which only its owner can read. */
  const readySecrets = () => {
    secretsReady ??= ensureTmpfs(layout.secrets, { sizeBytes: SECRETS_BYTES_MAX, mode: 0o700 }).catch((error: unknown) => {
      warn(`secrets are kept in ${layout.secrets} on disk, since a tmpfs can't be mounted there: ${String(error)}`);
    });
    return secretsReady;
  };

  async function prepareVolume(pod: Pod, volume: Volume, source: ConfigSource): Promise<void> {
    const { uid } = pod.metadata;
    const group = pod.spec.securityContext?.fsGroup;
    if (volume.hostPath) return ensureHostPath(volume.name, volume.hostPath);
    if (volume.configMap) {
      await writeDirectory(layout.configMap(uid, volume.name), payloadOf(pod, volume, source), group);
    } else if (volume.secret) {
      const files = payloadOf(pod, volume, source);
      await readySecrets();
      await writeDirectory(layout.secret(uid, volume.name), files, group);
    } else await prepareEmptyDir(layout.emptyDir(uid, volume.name), volume, group);
  }

  return {
    async prepare(pod, source) {
      const volumes = pod.spec.volumes ?? [];
      if (volumes.length > 0) await mkdir(layout.pod(pod.metadata.uid), { recursive: true, mode: 0o700 });
      // All problems are of interest, but the first is enough to stop: one after the other.
      for (const volume of volumes) await prepareVolume(pod, volume, source);
    },

    async mounts(pod, container, attempt) {
      const mounts: Mount[] = [];
      for (const { name, mountPath, subPath, readOnly = false } of container.volumeMounts ?? []) {
        const volume = pod.spec.volumes?.find((one) => one.name === name);
        if (!volume)
          throw new StartFailure('CreateContainerConfigError', `volumeMount ${mountPath}: the pod has no volume "${name}"`);
        const root = rootOf(layout, pod.metadata.uid, volume);
        const source = subPath ? await subPathOf(root, subPath, volume) : root;
        const written = volume.configMap !== undefined || volume.secret !== undefined;
        mounts.push({ Type: 'bind', Source: source, Target: mountPath, ReadOnly: readOnly || written });
      }
      const target = container.terminationMessagePath ?? '/dev/termination-log';
      if (target !== '') {
        const file = layout.terminationMessage(pod.metadata.uid, container.name, attempt);
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        await (await open(file, 'w', 0o666)).close();
        await chmod(file, 0o666);
        mounts.push({ Type: 'bind', Source: file, Target: target });
      }
      return mounts;
    },

    async remove(uid) {
      await unmountBelow(layout.pod(uid));
      await rm(layout.pod(uid), { recursive: true, force: true });
      await rm(join(layout.secrets, uid), { recursive: true, force: true });
    },
  };
}

async function prepareEmptyDir(path: string, { emptyDir }: Volume, group: number | undefined): Promise<void> {
  if (emptyDir?.medium === 'Memory') {
    const limit = emptyDir.sizeLimit;
    await ensureTmpfs(path, { sizeBytes: limit === undefined ? undefined : wholeValue(limit), mode: 0o777 }).catch(
      (error: unknown) => {
        throw new StartFailure('CreateContainerConfigError', `emptyDir with medium Memory can't be mounted: ${String(error)}`);
      },
    );
  } else await mkdir(path, { recursive: true });
  if (group !== undefined && (await stat(path)).gid !== group) await chown(path, -1, group);
  await chmod(path, group === undefined ? 0o777 : 0o2777);
}

function rootOf(layout: Layout, uid: string, volume: Volume): string {
  if (volume.hostPath) return volume.hostPath.path;
  if (volume.configMap) return layout.configMap(uid, volume.name);
  if (volume.secret) return layout.secret(uid, volume.name);
  return layout.emptyDir(uid, volume.name);
}

/**
 * The real path of a part of a volume; directories are made. A link in the volume may lead anywhere and was perhaps made by a
 * container: each part of the path is resolved and must lie in the volume before the next is looked at.
 */
async function subPathOf(root: string, subPath: string, volume: Volume): Promise<string> {
  const refuse = (why: string) =>
    new StartFailure('CreateContainerConfigError', `subPath "${subPath}" of volume "${volume.name}" ${why}`);
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  if (subPath.startsWith('/') || parts.includes('..')) throw refuse('leaves the volume');
  const realRoot = await realpath(root);
  const fixed = volume.configMap !== undefined || volume.secret !== undefined;
  let path = realRoot;
  for (const part of parts) {
    const next = join(path, part);
    if (!fixed) {
      await mkdir(next).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw refuse(`can't be made: ${error.message}`);
      });
    }
    path = await realpath(next).catch(() => {
      throw refuse('does not exist');
    });
    const inside = relative(realRoot, path);
    if (inside === '..' || inside.startsWith('../')) throw refuse('leaves the volume');
  }
  return path;
}
