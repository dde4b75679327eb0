import { CliError } from '../errors.ts';

/** Codes with which Node says that it can't trust the server's certificate. */
const UNTRUSTED = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
]);

export const UNTRUSTED_CODE = 'certificate_untrusted';

/** Why no answer came from a control plane, and what to do about it. */
export function networkError(cause: Error, server: string): CliError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const unreachable = (text: string, fix: string) => new CliError(text, { code: 'server_unreachable', fix, cause });
  if (code === 'ECONNREFUSED')
    return unreachable(
      `no control plane answers at ${server} (connection refused)`,
      'Is it running? `terrane server` starts one on this machine. Another address: --server URL or TERRANE_SERVER.',
    );
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return unreachable(`${new URL(server).hostname} is not known to DNS`, `Check the address: ${server}`);
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return unreachable(`${server} can't be reached (${message})`, 'Check the address, the network and firewalls between.');
  if (UNTRUSTED.has(code))
    return new CliError(`the certificate of ${server} is signed by an authority that this machine doesn't trust`, {
      code: UNTRUSTED_CODE,
      fix: "If that is the control plane's own authority: terrane login --server URL --ca FILE, or log in without it to see and accept its fingerprint.",
      cause,
    });
  if (code.startsWith('CERT_') || code.startsWith('ERR_TLS_'))
    return new CliError(`the certificate of ${server} is not good: ${message}`, {
      code: 'certificate_invalid',
      fix: 'Use the name that is in the certificate, or ask the operator of the control plane.',
      cause,
    });
  if (code === 'EPROTO' || code.startsWith('HPE_'))
    return unreachable(`${server} doesn't speak this protocol (${message})`, 'Check http:// against https://, and the port.');
  return unreachable(`the connection to ${server} broke (${code ? `${code}: ` : ''}${message})`, 'Try again.');
}
