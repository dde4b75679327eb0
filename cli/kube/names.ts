import { usageError } from '../errors.ts';
import type { KubeClient } from './client.ts';
import { type KindInfo, kindByName } from './kinds.ts';

/** What a person names on a command line: a kind, and objects of it (none: all). */
export interface Named {
  readonly kind: KindInfo;
  readonly names: readonly string[];
}

/** `pods`, `pods,services`, `pod web-1 web-2`, `deployment/web service/web`. */
export async function parseNamed(kube: KubeClient, words: readonly string[]): Promise<Named[]> {
  const [first, ...rest] = words;
  if (first === undefined) throw usageError('what kind?', 'For example: terrane get pods');
  if (first.includes('/')) return Promise.all(words.map((word) => kindAndName(kube, word)));
  if (rest.some((word) => word.includes('/'))) throw usageError(`${rest.join(' ')}: either KIND NAME... or KIND/NAME...`);
  const kinds = await Promise.all(first.split(',').map((name) => kindByName(kube, name)));
  if (kinds.length > 1 && rest.length > 0) throw usageError('names go with one kind: KIND NAME..., or KIND/NAME for each');
  return kinds.map((kind) => ({ kind, names: rest }));
}

/** Exactly one object: `deployment web` or `deployment/web`. */
export async function parseOne(kube: KubeClient, words: readonly string[]): Promise<{ kind: KindInfo; name: string }> {
  const [named, ...more] = await parseNamed(kube, words);
  const [name, ...others] = named?.names ?? [];
  if (!named || !name || more.length > 0 || others.length > 0) throw usageError('name one object: KIND NAME or KIND/NAME');
  return { kind: named.kind, name };
}

async function kindAndName(kube: KubeClient, word: string): Promise<Named> {
  const [kind = '', name = '', ...more] = word.split('/');
  if (!kind || !name || more.length > 0) throw usageError(`${word}: expected KIND/NAME`);
  return { kind: await kindByName(kube, kind), names: [name] };
}

/** `deployment.apps/web`, as kubectl names objects in what it prints. */
export function fullName(kind: KindInfo, name: string): string {
  return `${kind.kind.toLowerCase()}${kind.group ? `.${kind.group}` : ''}/${name}`;
}
