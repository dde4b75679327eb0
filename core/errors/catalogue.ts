/**
 * Every error that a person or tool can meet, once. The key is the stable code: clients may branch on it, so it is never
 * renamed. `when` is the default message, one sentence; `fix` says what to do. `details` of an error are its own.
 */
export interface CatalogueEntry {
  /** HTTP status. */
  readonly status: number;
  readonly when: string;
  readonly fix: string;
}

export const catalogue = {
  // The request itself
  invalid_request: {
    status: 400,
    when: 'The request is not valid.',
    fix: 'Correct the fields named in details and send it again.',
  },
  invalid_json: {
    status: 400,
    when: 'The body is not valid JSON.',
    fix: 'Send a JSON object with content-type application/json.',
  },
  invalid_omaha: {
    status: 400,
    when: 'The body is not an Omaha request.',
    fix: 'Send an Omaha v3 request as text/xml (docs/updates.md).',
  },
  body_too_large: { status: 413, when: 'The body is larger than this route accepts.', fix: 'Send less in one request.' },
  not_found: {
    status: 404,
    when: 'There is nothing here, or nothing that you may see.',
    fix: 'Check the name, and that you are logged in to the right organisation (terrane whoami).',
  },
  rate_limited: {
    status: 429,
    when: 'Too many attempts in a short time.',
    fix: 'Wait as long as Retry-After says, then try again.',
  },
  busy: { status: 503, when: 'Too many people are changing the same thing at once.', fix: 'Nothing was changed: try again.' },
  unavailable: { status: 503, when: 'The service can not answer just now.', fix: 'Try again in a moment.' },
  key_service_unavailable: {
    status: 503,
    when: 'The key that Secrets are encrypted with can not be had just now.',
    fix: 'Try again in a moment; if it stays, the operator finds the cause in the server log.',
  },
  secret_unreadable: {
    status: 500,
    when: 'The Secret can not be decrypted.',
    fix: 'The operator restores the key that it was encrypted with; or delete its namespace and make the Secret again.',
  },
  internal: { status: 500, when: 'Something went wrong on our side.', fix: 'Try again; if it stays, report the request id.' },

  // Who are you
  unauthenticated: {
    status: 401,
    when: 'The request carries no valid login.',
    fix: 'Log in (terrane login) or send an API token as Bearer.',
  },
  bad_credentials: { status: 401, when: 'E-mail or password is wrong.', fix: 'Check both and try again.' },
  session_expired: { status: 401, when: 'The login has expired or was logged out.', fix: 'Log in again (terrane login).' },
  token_garbled: {
    status: 401,
    when: 'The token is damaged: its check sum does not match.',
    fix: 'Copy the whole token again, from trn_ to the last character, without line breaks.',
  },
  token_unknown: {
    status: 401,
    when: 'The token is not known here.',
    fix: 'Check that it was made on this server, or make a new one (terrane token create).',
  },
  token_expired: {
    status: 401,
    when: 'The token has expired.',
    fix: 'Make a new one (terrane token create, --expires for longer).',
  },
  token_used: {
    status: 401,
    when: 'The join token was already used as often as it may be.',
    fix: 'Make a new one (terrane token create --kind join; --uses N for several hosts).',
  },
  token_revoked: { status: 401, when: 'The token was revoked.', fix: 'Make a new one (terrane token create).' },
  token_wrong_kind: {
    status: 401,
    when: 'The token is of another kind than is needed here.',
    fix: 'Use the kind that the message names.',
  },
  cross_site: {
    status: 403,
    when: 'A browser sent this request from another site.',
    fix: 'Use the console of this server, or an API token as Bearer.',
  },

  oidc_unreachable: {
    status: 502,
    when: 'The login provider does not answer.',
    fix: 'Try again in a moment, or log in with your password.',
  },
  oidc_refused: {
    status: 400,
    when: "The login provider's answer is not valid.",
    fix: 'Start the log-in again; if it stays, whoever runs this installation finds the reason in its log.',
  },
  oidc_cancelled: { status: 400, when: 'The login provider did not log you in.', fix: 'Start the log-in again.' },
  oidc_expired: {
    status: 400,
    when: 'The log-in took too long, or began in another browser.',
    fix: 'Start the log-in again, in this browser.',
  },
  oidc_email_unverified: {
    status: 403,
    when: 'The login provider has not verified your e-mail address.',
    fix: 'Verify it there, then log in again.',
  },
  oidc_account_exists: {
    status: 409,
    when: 'There is already an account with this e-mail address.',
    fix: 'Log in to it with its password (or set a new one by mail), then link the login provider under Account.',
  },
  oidc_no_account: {
    status: 404,
    when: 'Nobody has signed up with this login yet.',
    fix: 'Name your organisation and sign up with it, or open the invitation that you were sent.',
  },
  login_linked: {
    status: 409,
    when: 'This login is linked already, to this account or to another.',
    fix: 'Unlink it there first; one account has one login at each provider.',
  },
  last_login: {
    status: 409,
    when: 'This is the only way to log in to the account.',
    fix: 'Set a password first (terrane password forgot).',
  },

  // What may you do
  role_too_low: { status: 403, when: 'Your role does not allow this.', fix: 'Ask an owner or admin of the organisation.' },
  login_required: {
    status: 403,
    when: 'An API token may not do this: it concerns the person, not the organisation.',
    fix: 'Log in (terrane login) and do it with that session.',
  },
  email_not_verified: {
    status: 403,
    when: 'Your e-mail address is not verified yet.',
    fix: 'Open the link in the mail we sent you (or: terrane verify TOKEN); POST /v1/verify/resend sends another.',
  },

  // Accounts
  email_taken: {
    status: 409,
    when: 'There is already an account with this e-mail address.',
    fix: 'Log in instead (terrane login).',
  },
  verification_invalid: {
    status: 400,
    when: 'The verification link is not valid, or was used or has expired.',
    fix: 'Log in and ask for another (POST /v1/verify/resend).',
  },
  reset_invalid: {
    status: 400,
    when: 'The token to set a new password is not valid, or was used or has expired.',
    fix: 'Ask for another (terrane password forgot).',
  },
  user_code_invalid: {
    status: 400,
    when: 'No device waits with this code, or it has waited too long.',
    fix: 'Check the code on the device; if it is right, start the login there again.',
  },
  invitation_invalid: {
    status: 400,
    when: 'The invitation is not valid for this e-mail address, or was used or has expired.',
    fix: 'Ask the organisation to invite you again.',
  },
  member_exists: {
    status: 409,
    when: 'This person is already a member.',
    fix: 'Change the role instead, or remove the member first.',
  },
  last_owner: { status: 409, when: 'An organisation keeps at least one owner.', fix: 'Make another member owner first.' },

  member_limit_reached: {
    status: 403,
    when: 'The organisation has as many members as its plan allows.',
    fix: 'An owner or admin can remove a member, or ask for a larger plan.',
  },

  // Images
  image_registry_absent: {
    status: 501,
    when: 'This control plane has no image registry: the embedded one gets its own later.',
    fix: 'Use the hosted service, or any registry of yours with imagePullSecrets.',
  },
  image_registry_unavailable: {
    status: 503,
    when: 'The image registry can not answer just now.',
    fix: 'Try again in a moment; if it stays, the operator finds the cause in the server log.',
  },
  image_registry_full: {
    status: 503,
    when: 'The image registry takes no more of these.',
    fix: 'The operator asks AWS for a higher quota of ECR, or deletes what is not needed.',
  },
  repository_not_found: {
    status: 404,
    when: 'There is no such repository in this organisation.',
    fix: 'See which there are (terrane image list), or make it (terrane image create NAME).',
  },
  repository_exists: {
    status: 409,
    when: 'The organisation has a repository of this name.',
    fix: 'Use it, or choose another name.',
  },
  repository_not_empty: {
    status: 409,
    when: 'The repository still has images.',
    fix: 'Delete it with all of them (terrane image delete NAME --force).',
  },
  repository_limit_reached: {
    status: 403,
    when: 'The organisation has as many repositories as its plan allows.',
    fix: 'Delete one that you no longer need (terrane image delete NAME).',
  },

  // Clusters and nodes
  cluster_name_taken: {
    status: 409,
    when: 'The organisation has a cluster of this name.',
    fix: 'Choose another name, or use the one that exists.',
  },
  cluster_limit_reached: {
    status: 403,
    when: 'The organisation has as many clusters as its plan allows.',
    fix: 'Delete one first.',
  },
  cluster_not_empty: { status: 409, when: 'The cluster still has nodes.', fix: 'Remove them first (terrane node remove NAME).' },
  node_limit_reached: {
    status: 403,
    when: 'The organisation has as many nodes as its plan allows.',
    fix: 'Remove a node you no longer need (terrane node remove NAME), or ask for a larger plan: the host goes on trying.',
  },
  host_already_joined: {
    status: 409,
    when: 'The key of this host already belongs to another cluster.',
    fix: 'Remove the node there first, or start the agent with a new, empty data directory.',
  },

  // Hosts
  signature_missing: {
    status: 401,
    when: 'The request is not signed.',
    fix: 'Sign it as RFC 9421 says, with the key of the host.',
  },
  signature_invalid: {
    status: 401,
    when: 'The signature does not fit the request.',
    fix: 'Check that no proxy changes Host, path or body.',
  },
  clock_skew: {
    status: 401,
    when: 'The clock of the host is wrong.',
    fix: 'Sign again with the time in the terrane-server-time header; the agent does so by itself.',
  },
  host_unknown: {
    status: 401,
    when: 'No host with this key has joined.',
    fix: 'Join it with a join token (terrane join prints the command).',
  },
  host_revoked: {
    status: 401,
    when: 'The node was removed and its key revoked.',
    fix: 'To bring the host back, run a new join command on it.',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;
