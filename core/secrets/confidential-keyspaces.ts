import { TerraneError } from '../errors/terrane-error.ts';
import type { Keyspace, ReadView } from '../keyspace/types.ts';
import type { Keyspaces } from '../ports/keyspaces.ts';
import { concernsSecret, openedEvents, openedTxn, openedView, type Opener } from './confidential-values.ts';
import { type DataKeys, KeyNotLoadedError, keyGone } from './data-key.ts';
import { SECRETS_FROM, SECRETS_TO } from './sealed-secret.ts';

/** How often a transaction is run again because it met keys that weren't in memory. */
const LOADS_MAX = 5;

/**
 * Keyspaces in whose registries Secrets are read and written in the clear, while the log holds them sealed. For whoever serves people;
 * controllers use the keyspaces underneath and never see a secret. Keys are loaded only where there are Secrets.
 */
export function confidentialKeyspaces(keyspaces: Keyspaces, dataKeys: DataKeys): Keyspaces {
  return {
    async open(tenant, cluster, name) {
      const stored = await keyspaces.open(tenant, cluster, name);
      if (name !== 'registry') return stored;
      // A reader may ask for what is in memory (view), which can't wait for keys.
      const trouble = await prepare(stored.view(), dataKeys, tenant);
      return confidential(stored, dataKeys, { tenant, cluster, ring: () => dataKeys.ring(tenant) }, trouble);
    },
  };
}

/** Loads the keys before a view is read, if there are Secrets in it. What fails is told to whoever reads one, and to nobody else. */
async function prepare(view: ReadView, dataKeys: DataKeys, tenant: string): Promise<Error | undefined> {
  if (view.range(SECRETS_FROM, SECRETS_TO).next().done) return undefined;
  return load(dataKeys, tenant);
}

async function load(dataKeys: DataKeys, tenant: string): Promise<Error | undefined> {
  try {
    await dataKeys.load(tenant);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function confidential(stored: Keyspace, dataKeys: DataKeys, opener: Opener, atOpening: Error | undefined): Keyspace {
  const { tenant } = opener;
  const reader = (trouble: Error | undefined): Opener => ({ ...opener, missing: ({ id }) => trouble ?? keyGone(id) });
  return {
    view: () => openedView(stored.view(), reader(atOpening)),
    async sync() {
      const view = await stored.sync();
      return openedView(view, reader(await prepare(view, dataKeys, tenant)));
    },
    async transact(evaluate, { duplicate, ...options } = {}) {
      const answered = duplicate && ((view: ReadView, revision: number) => duplicate(openedView(view, opener), revision));
      for (let loads = 0; ; loads++) {
        try {
          return await stored.transact((txn) => evaluate(openedTxn(txn, opener)), {
            ...options,
            ...(answered && { duplicate: answered }),
          });
        } catch (error) {
          if (!(error instanceof KeyNotLoadedError)) throw error;
          // Loading throws what the matter is; only keys that keep leaving memory come here again and again.
          if (loads === LOADS_MAX) throw new TerraneError('key_service_unavailable', undefined, { cause: error, retryAfter: 1 });
          await dataKeys.load(tenant, error.id === undefined ? { create: true } : { id: error.id });
        }
      }
    },
    async *watch(range, since, signal) {
      for await (const step of stored.watch(range, since, signal)) {
        const trouble = step.events.some(concernsSecret) ? await load(dataKeys, tenant) : undefined;
        yield openedEvents(step, reader(trouble));
      }
    },
    close: () => stored.close(),
  };
}
