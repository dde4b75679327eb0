import {
  ClosedError,
  CompactedError,
  FutureRevisionError,
  HeadStaleError,
  LeaseExistsError,
  LeaseNotFoundError,
  OutcomeUnknownError,
  RequestTooLargeError,
  StoreFailedError,
  StoreFullError,
} from '../keyspace/errors.ts';

/** gRPC's status codes, as far as etcd uses them (https://grpc.io/docs/guides/status-codes/). */
export const CODE = {
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type Code = (typeof CODE)[keyof typeof CODE];

/** Clients compare these strings byte for byte: they are etcd 3.4's, but for `invalidSort`, which is of 3.5 (3.4 crashes instead). */
const CATALOGUE = {
  emptyKey: [CODE.invalidArgument, 'etcdserver: key is not provided'],
  keyNotFound: [CODE.invalidArgument, 'etcdserver: key not found'],
  valueProvided: [CODE.invalidArgument, 'etcdserver: value is provided'],
  leaseProvided: [CODE.invalidArgument, 'etcdserver: lease is provided'],
  tooManyOperations: [CODE.invalidArgument, 'etcdserver: too many operations in txn request'],
  duplicateKey: [CODE.invalidArgument, 'etcdserver: duplicate key given in txn request'],
  invalidSort: [CODE.invalidArgument, 'etcdserver: invalid sort option'],
  requestTooLarge: [CODE.invalidArgument, 'etcdserver: request is too large'],
  tooManyRequests: [CODE.resourceExhausted, 'etcdserver: too many requests'],
  compacted: [CODE.outOfRange, 'etcdserver: mvcc: required revision has been compacted'],
  futureRevision: [CODE.outOfRange, 'etcdserver: mvcc: required revision is a future revision'],
  noSpace: [CODE.resourceExhausted, 'etcdserver: mvcc: database space exceeded'],
  leaseNotFound: [CODE.notFound, 'etcdserver: requested lease not found'],
  leaseExists: [CODE.failedPrecondition, 'etcdserver: lease already exists'],
  leaseTtlTooLarge: [CODE.outOfRange, 'etcdserver: too large lease TTL'],
  memberNotFound: [CODE.notFound, 'etcdserver: member not found'],
  rootUserNotExist: [CODE.failedPrecondition, 'etcdserver: root user does not exist'],
  rootRoleNotExist: [CODE.failedPrecondition, 'etcdserver: root user does not have root role'],
  userExists: [CODE.failedPrecondition, 'etcdserver: user name already exists'],
  userEmpty: [CODE.invalidArgument, 'etcdserver: user name is empty'],
  userNotFound: [CODE.failedPrecondition, 'etcdserver: user name not found'],
  roleExists: [CODE.failedPrecondition, 'etcdserver: role name already exists'],
  roleNotFound: [CODE.failedPrecondition, 'etcdserver: role name not found'],
  roleEmpty: [CODE.invalidArgument, 'etcdserver: role name is empty'],
  authFailed: [CODE.invalidArgument, 'etcdserver: authentication failed, invalid user ID or password'],
  permissionDenied: [CODE.permissionDenied, 'etcdserver: permission denied'],
  roleNotGranted: [CODE.failedPrecondition, 'etcdserver: role is not granted to the user'],
  permissionNotGranted: [CODE.failedPrecondition, 'etcdserver: permission is not granted to the role'],
  authNotEnabled: [CODE.failedPrecondition, 'etcdserver: authentication is not enabled'],
  invalidAuthToken: [CODE.unauthenticated, 'etcdserver: invalid auth token'],
  invalidAuthManagement: [CODE.invalidArgument, 'etcdserver: invalid auth management'],
  /** etcd 3.4 has no gRPC errors for these: their words come with the code of unknown errors. */
  noPasswordUser: [CODE.unknown, 'auth: authentication failed, password was given for no password user'],
  adminDenied: [CODE.unknown, 'auth: permission denied'],
  adminEmpty: [CODE.unknown, 'auth: user name is empty'],
  authOldRevision: [CODE.unknown, 'auth: revision in header is old'],
  corrupt: [CODE.dataLoss, 'etcdserver: corrupt cluster'],
  noLeader: [CODE.unavailable, 'etcdserver: no leader'],
  timeout: [CODE.unavailable, 'etcdserver: request timed out'],
  stopped: [CODE.unavailable, 'etcdserver: server stopped'],
  notCapable: [CODE.unavailable, 'etcdserver: not capable'],
  electionNoLeader: [CODE.unknown, 'election: no leader'],
  electionNotLeader: [CODE.unknown, 'election: not leader'],
} as const satisfies Record<string, readonly [Code, string]>;

export type EtcdErrorName = keyof typeof CATALOGUE;

/** A refusal as etcd's clients know it. Nothing was written, unless it is `timeout`. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  readonly code: Code;

  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }

  static of(name: EtcdErrorName): EtcdError {
    const [code, message] = CATALOGUE[name];
    return new EtcdError(code, message);
  }

  /** As Go's gRPC prints it: where an error is part of an answer. */
  asGrpcText(): string {
    const name = Object.entries(CODE).find(([, code]) => code === this.code)![0];
    return `rpc error: code = ${name[0]!.toUpperCase()}${name.slice(1)} desc = ${this.message}`;
  }
}

/** What an error of the keyspace is to etcd's clients; undefined: it is a fault of ours. */
export function etcdErrorOf(error: unknown): EtcdError | undefined {
  if (error instanceof EtcdError) return error;
  if (error instanceof CompactedError) return EtcdError.of('compacted');
  if (error instanceof FutureRevisionError) return EtcdError.of('futureRevision');
  if (error instanceof LeaseNotFoundError) return EtcdError.of('leaseNotFound');
  if (error instanceof LeaseExistsError) return EtcdError.of('leaseExists');
  if (error instanceof RequestTooLargeError) return EtcdError.of('requestTooLarge');
  if (error instanceof StoreFullError) return EtcdError.of('noSpace');
  if (error instanceof StoreFailedError) return new EtcdError(CODE.unavailable, `etcdserver: ${error.message}`);
  if (error instanceof OutcomeUnknownError) return EtcdError.of('timeout');
  if (error instanceof ClosedError || error instanceof HeadStaleError) return EtcdError.of('stopped');
  return undefined;
}

/** As etcd 3.4's gateway translates: grpc-gateway's HTTPStatusFromCode, with 412 for a failed precondition. */
const HTTP_STATUS = {
  [CODE.canceled]: 408,
  [CODE.unknown]: 500,
  [CODE.invalidArgument]: 400,
  [CODE.deadlineExceeded]: 504,
  [CODE.notFound]: 404,
  [CODE.permissionDenied]: 403,
  [CODE.resourceExhausted]: 429,
  [CODE.failedPrecondition]: 412,
  [CODE.outOfRange]: 400,
  [CODE.unimplemented]: 501,
  [CODE.internal]: 500,
  [CODE.unavailable]: 503,
  [CODE.dataLoss]: 500,
  [CODE.unauthenticated]: 401,
} as const satisfies Record<Code, number>;

export function httpStatusOf(code: Code): (typeof HTTP_STATUS)[Code] {
  return HTTP_STATUS[code];
}
