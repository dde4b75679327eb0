import { prefixEnd, rangeOf } from '../../core/etcd/build-requests.ts';
import type { EtcdService } from '../../core/etcd/service.ts';
import type { ReadSkydns, SkydnsEntry } from '../../core/network/dns/skydns-zone.ts';

/** Of one name, at most: more than that is no answer that anybody could use. */
const RECORDS_MAX = 1_000;
const VALUE_MAX = 4_096;
/** Reads at once: those that this host can't answer go to the control plane, and no container shall make a flood of them. */
const UNDER_WAY_MAX = 64;

/**
 * Reads SkyDNS's keys from this host's copy of the key-value store. While names are asked for, the copy is kept up to date by what the
 * control plane tells of commits; while that is away, it answers as it was.
 */
export function skydnsReader(service: Pick<EtcdService, 'call'>): ReadSkydns {
  let underWay = 0;
  return async (key, below) => {
    if (underWay >= UNDER_WAY_MAX) throw new Error('too many names are being looked for in the key-value store');
    underWay++;
    try {
      return await read(service, key, below);
    } finally {
      underWay--;
    }
  };
}

async function read(service: Pick<EtcdService, 'call'>, key: string, below: boolean): Promise<readonly SkydnsEntry[]> {
  const bytes = Buffer.from(key, 'utf8').toString('latin1');
  const request = rangeOf(bytes, {
    serializable: true,
    limit: RECORDS_MAX,
    ...(below ? { rangeEnd: prefixEnd(bytes) } : {}),
  });
  // Whatever is below /skydns is there to be found by names: no etcd user is needed for that.
  const { kvs } = await service.call('Range', request, { superuser: true });
  return kvs.flatMap(({ key: found, value, lease }) => {
    if (value.length > VALUE_MAX) return [];
    return {
      key: Buffer.from(found, 'latin1').toString('utf8'),
      value: Buffer.from(value).toString('utf8'),
      leased: lease !== 0n,
    };
  });
}
