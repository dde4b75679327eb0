/** What a resource record says (RFC 1035, 2782, 3596). Names are lower case and without the dot at the end. */
export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME' | 'PTR' | 'NS'; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: 'TXT'; readonly texts: readonly string[] }
  | {
      readonly type: 'SOA';
      readonly primary: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly negativeTtl: number;
    }
  | { readonly type: 'HINFO'; readonly cpu: string; readonly os: string };

export interface ResourceRecord {
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

/** Data of one name, as a zone knows it. `ttl` in seconds. */
export type NamedData = RecordData & { readonly ttl?: number };

export type ResponseCode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED';

export interface DnsQuestion {
  /** Lower case, without the dot at the end; '' is the root. */
  readonly name: string;
  /** `A`, `AAAA`, ...; `TYPE65` or whatever the codec calls one that is not known here. */
  readonly type: string;
}

export interface DnsAnswer {
  readonly rcode: ResponseCode;
  readonly authoritative: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
}

export const failed = (rcode: ResponseCode): DnsAnswer => ({
  rcode,
  authoritative: false,
  answers: [],
  authority: [],
  additional: [],
});
