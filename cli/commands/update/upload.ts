import type { PayloadUpload } from '../../../core/updates/api.ts';
import { CliError } from '../../errors.ts';
import { FileBody, HttpClient } from '../../http/client.ts';
import { line } from '../../io.ts';
import { type KubeClient, kindPath, type KubeObject } from '../../kube/client.ts';
import { UPDATE_PACKAGE } from '../../kube/kinds.ts';
import type { Session } from '../../session.ts';

export interface PackageSpec {
  readonly application: string;
  readonly version: string;
  readonly arch: string;
  readonly url?: string;
  readonly files: readonly { readonly name: string; readonly size: number; readonly sha256: string }[];
}

/** Makes a package whose files lie with Terrane, and uploads those that aren't there yet. `paths`: of `spec.files`, in the same order. */
export async function uploadPackage(
  session: Session,
  name: string,
  spec: PackageSpec,
  paths: readonly string[],
): Promise<KubeObject> {
  const kube = await session.kube();
  const made = await makeOrFind(kube, name, spec);
  for (const { file, url, headers } of await missingFiles(kube, name, made)) {
    const index = spec.files.findIndex((one) => one.name === file);
    const { size } = spec.files[index]!;
    if (!session.json) await line(session.io.err, `uploading ${file}, ${size} bytes`);
    await put(session.http, url, headers, new FileBody(paths[index]!, size));
  }
  return made;
}

/** Files of a package that are to lie with Terrane, and don't yet: its upload was cut short, or never began. */
export async function missingFiles(
  kube: KubeClient,
  name: string,
  { spec }: { readonly spec: { readonly url?: string } },
): Promise<readonly PayloadUpload[]> {
  if (spec.url !== undefined) return [];
  const path = `/updates/packages/${encodeURIComponent(name)}/uploads`;
  return (await kube.json<{ uploads: readonly PayloadUpload[] }>({ method: 'POST', path })).uploads;
}

async function makeOrFind(
  kube: KubeClient,
  name: string,
  spec: PackageSpec,
): Promise<KubeObject & { readonly spec: PackageSpec }> {
  const body = { apiVersion: 'terrane.dev/v1', kind: 'UpdatePackage', metadata: { name }, spec };
  try {
    return await kube.json<KubeObject & { spec: PackageSpec }>({ method: 'POST', path: kindPath(UPDATE_PACKAGE, {}), body });
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== 409) throw error;
  }
  const found = await kube.get<KubeObject & { spec: PackageSpec }>(UPDATE_PACKAGE, { name });
  const sums = (files: PackageSpec['files']) => files.map(({ sha256 }) => sha256).join();
  if (found.spec.url === undefined && sums(found.spec.files) === sums(spec.files)) return found;
  throw new CliError(`there is a package ${name}, of other files`, {
    code: 'exists',
    fix: 'Choose another name. What hosts were given under a name must stay what it was.',
  });
}

/** To our own server with our credentials, or elsewhere with what it said, and nothing of ours. */
async function put(http: HttpClient, url: string, headers: Readonly<Record<string, string>>, body: FileBody): Promise<void> {
  const own = url.startsWith('/');
  const { origin, pathname, searchParams } = new URL(url, http.endpoint.server);
  const client = own ? http : new HttpClient({ server: origin });
  const { 'content-length': _, ...more } = headers;
  const query = Object.fromEntries(searchParams);
  (await client.send({ method: 'PUT', path: pathname, query, headers: more, body, patient: true })).resume();
}
