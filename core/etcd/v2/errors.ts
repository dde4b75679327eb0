/** Errors of etcd's v2 API (https://github.com/etcd-io/etcd/blob/release-3.4/etcdserver/api/v2error/error.go). */
const CATALOGUE = {
  keyNotFound: [100, 404, 'Key not found'],
  testFailed: [101, 412, 'Compare failed'],
  notFile: [102, 403, 'Not a file'],
  notDir: [104, 400, 'Not a directory'],
  nodeExist: [105, 412, 'Key already exists'],
  rootReadOnly: [107, 400, 'Root is read only'],
  dirNotEmpty: [108, 403, 'Directory not empty'],
  unauthorized: [110, 401, 'The request requires user authentication'],
  prevValueRequired: [201, 400, 'PrevValue is Required in POST form'],
  ttlNotANumber: [202, 400, 'The given TTL in POST form is not a number'],
  indexNotANumber: [203, 400, 'The given index in POST form is not a number'],
  invalidField: [209, 400, 'Invalid field'],
  invalidForm: [210, 400, 'Invalid POST form'],
  refreshValue: [211, 400, 'Value provided on refresh'],
  refreshTtlRequired: [212, 400, 'A TTL must be provided on refresh'],
  raftInternal: [300, 500, 'Raft Internal Error'],
  eventIndexCleared: [401, 400, 'The event in requested index is outdated and cleared'],
} as const satisfies Record<string, readonly [number, number, string]>;

export type V2ErrorName = keyof typeof CATALOGUE;

export class V2Error extends Error {
  override readonly name = 'V2Error';
  readonly code: number;
  readonly status: number;
  override readonly cause: string;
  /** The store's index; 0 if the store wasn't asked. */
  readonly index: number;

  constructor(name: V2ErrorName, cause: string, index = 0) {
    const [code, status, message] = CATALOGUE[name];
    super(message);
    this.code = code;
    this.status = status;
    this.cause = cause;
    this.index = index;
  }
}
