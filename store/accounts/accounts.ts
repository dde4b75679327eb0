import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Face } from '../../core/accounts/api.ts';
import { Buckets } from '../../core/accounts/buckets.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { ImageRegistry } from '../../core/ports/image-registry.ts';
import type { Mailer } from '../../core/ports/mailer.ts';
import type { TableNames } from '../dynamodb.ts';
import { noImageRegistry } from '../no-image-registry.ts';
import { AccountsStore } from './accounts-store.ts';
import { type AuditFilter, exportAudit, listAudit, recordAudit } from './audit.ts';
import { changePassword, forgotPassword, resetPassword } from './change-password.ts';
import { createCluster, deleteCluster, listClusters, readCluster } from './clusters.ts';
import { deleteOrganisation } from './delete-organisation.ts';
import { approveDevice, pollDevice, startDevice } from './device.ts';
import { exportOrganisation } from './export-organisation.ts';
import { findUpdateToken } from './find-update-token.ts';
import { hostOfKey, listHosts, removeHost } from './hosts.ts';
import { deleteImage, imageCredentials, listImages, scanImage } from './images.ts';
import { join } from './join.ts';
import { linkProvider, unlinkProvider } from './link-provider.ts';
import { logIn } from './log-in.ts';
import { limitProviderLogin, logInByProvider } from './provider-login.ts';
import { me } from './me.ts';
import { acceptInvitation, changeRole, invite, listInvitations, listMembers, removeMember } from './members.ts';
import { PASSWORD_COSTS, type PasswordCosts, Passwords } from './password.ts';
import { RATE_LIMITS, type RateLimits } from './rate-limits.ts';
import { configureRepository, createRepository, deleteRepository, listRepositories } from './repositories.ts';
import { authenticate, logOut } from './sessions.ts';
import { type AccountsContext, type AccountsHooks, FREE_PLAN, type Lifetimes, LIFETIMES, type PlanLimits } from './settings.ts';
import { RequestCounts } from './request-counts.ts';
import { signUp } from './sign-up.ts';
import { createToken, listTokens, revokeToken } from './tokens.ts';
import { usage } from './usage.ts';
import { listSessions, revokeSession } from './user-sessions.ts';
import { resendVerification, verifyEmail } from './verification.ts';

export interface AccountsOptions {
  readonly client: DynamoDBClient;
  readonly tables: TableNames;
  readonly clock: Clock;
  readonly mailer: Mailer;
  readonly log: Logger;
  /** Where links in mails lead to; a function, because the embedded server learns its ports late. */
  readonly publicUrl: () => string;
  /** Default false: an embedded server's operator reads the mail. */
  readonly requireVerifiedEmail?: boolean;
  /** No other process writes to these tables: then hosts need not be looked up for each request. Default false. */
  readonly soleWriter?: boolean;
  readonly hooks?: AccountsHooks;
  /** What differs from FREE_PLAN. Counts for organisations made from now on. */
  readonly freePlan?: Partial<PlanLimits>;
  readonly lifetimes?: Lifetimes;
  readonly rateLimits?: Partial<RateLimits>;
  readonly passwordCosts?: PasswordCosts;
  /** Default: there is none, and who asks for images is told so. */
  readonly images?: ImageRegistry;
}

/** Everything that can be done with users, organisations, clusters, tokens and hosts. Errors are TerraneErrors. */
export type Accounts = ReturnType<typeof openAccounts>;

export function openAccounts(options: AccountsOptions) {
  const rateLimits = { ...RATE_LIMITS, ...options.rateLimits };
  const context: AccountsContext = {
    store: new AccountsStore(options.client, options.tables, options.clock, options.soleWriter),
    passwords: new Passwords(options.passwordCosts ?? PASSWORD_COSTS),
    mailer: options.mailer,
    log: options.log,
    publicUrl: options.publicUrl,
    requireVerifiedEmail: options.requireVerifiedEmail ?? false,
    freePlan: { ...FREE_PLAN, ...options.freePlan },
    lifetimes: options.lifetimes ?? LIFETIMES,
    rateLimits,
    updateTokenLookUps: new Buckets(rateLimits.updateTokenPerIp),
    hooks: options.hooks ?? {},
    images: options.images ?? noImageRegistry,
  };
  const requests = new RequestCounts(context.store, options.log);
  const bound = <A extends unknown[], R>(operation: (context: AccountsContext, ...args: A) => R) => {
    return (...args: A): R => operation(context, ...args);
  };
  return {
    publicUrl: options.publicUrl,
    now: () => options.clock.now(),
    signUp: bound(signUp),
    logIn: bound(logIn),
    logOut: bound(logOut),
    limitProviderLogin: bound(limitProviderLogin),
    logInByProvider: bound(logInByProvider),
    linkProvider: bound(linkProvider),
    unlinkProvider: bound(unlinkProvider),
    authenticate: bound(authenticate),
    findUpdateToken: bound(findUpdateToken),
    me: bound(me),
    startDevice: bound(startDevice),
    approveDevice: bound(approveDevice),
    pollDevice: bound(pollDevice),
    changePassword: bound(changePassword),
    forgotPassword: bound(forgotPassword),
    resetPassword: bound(resetPassword),
    listSessions: bound(listSessions),
    revokeSession: bound(revokeSession),
    verifyEmail: bound(verifyEmail),
    resendVerification: bound(resendVerification),
    listMembers: bound(listMembers),
    listInvitations: bound(listInvitations),
    invite: bound(invite),
    acceptInvitation: bound(acceptInvitation),
    changeRole: bound(changeRole),
    removeMember: bound(removeMember),
    listClusters: bound(listClusters),
    readCluster: bound(readCluster),
    createCluster: bound(createCluster),
    deleteCluster: bound(deleteCluster),
    createToken: bound(createToken),
    listTokens: bound(listTokens),
    revokeToken: bound(revokeToken),
    join: bound(join),
    hostOfKey: bound(hostOfKey),
    listHosts: bound(listHosts),
    removeHost: bound(removeHost),
    recordAudit: bound(recordAudit),
    listAudit: (tenant: string, limit: number, filter?: AuditFilter) => listAudit(context.store, tenant, limit, filter),
    exportAudit: (tenant: string, filter?: AuditFilter) => exportAudit(context.store, tenant, filter),
    listRepositories: bound(listRepositories),
    createRepository: bound(createRepository),
    configureRepository: bound(configureRepository),
    deleteRepository: bound(deleteRepository),
    listImages: bound(listImages),
    deleteImage: bound(deleteImage),
    scanImage: bound(scanImage),
    imageCredentials: bound(imageCredentials),
    /** Of one whose credentials were found good. */
    countRequest: (tenant: string, face: Face) => requests.count(tenant, face),
    /** `due`: those that have waited long enough (FLUSH_MS). Never throws. */
    flushRequests: (which: 'all' | 'due') => requests.flush(which),
    usage: bound(usage),
    exportOrganisation: bound(exportOrganisation),
    deleteOrganisation: bound(deleteOrganisation),
  };
}
