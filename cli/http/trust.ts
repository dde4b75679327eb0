import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { ServerInfo } from '../../core/accounts/api.ts';
import { CliError, cancelled, EXIT, usageError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { HttpClient } from './client.ts';
import { networkError, UNTRUSTED_CODE } from './network-error.ts';

export interface TrustOptions {
  /** PEM file of the authority to trust. */
  readonly ca?: string;
  /** SHA-256 of the authority's certificate, as openssl prints it. */
  readonly caFingerprint?: string;
}

/**
 * The certificate authority to use with a control plane that we meet for the first time: none for plain HTTP and public ones,
 * the given file, or, for a private one, what the server itself shows, after its fingerprint was compared by a person or with
 * `caFingerprint`. Nothing secret is sent before.
 */
export async function trustedAuthority(server: string, options: TrustOptions, io: Io): Promise<string | undefined> {
  if (options.ca) return readPem(options.ca);
  try {
    await new HttpClient({ server }).json<ServerInfo>({ path: '/v1/info' });
    return undefined;
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== UNTRUSTED_CODE) throw error;
  }
  const pem = await shownAuthority(server);
  const fingerprint = new X509Certificate(pem).fingerprint256;
  await checkFingerprint(server, fingerprint, options, io);
  // The server's certificate must really come from the authority that it showed.
  await new HttpClient({ server, caPem: pem }).json<ServerInfo>({ path: '/v1/info' });
  return pem;
}

async function checkFingerprint(server: string, fingerprint: string, { caFingerprint }: TrustOptions, io: Io): Promise<void> {
  if (caFingerprint) {
    if (plain(caFingerprint) === plain(fingerprint)) return;
    throw new CliError(`${server} shows another certificate authority than the one you expect`, {
      code: 'certificate_untrusted',
      exit: EXIT.auth,
      fix: `It shows ${fingerprint}. Someone may be in between: nothing was sent.`,
    });
  }
  await line(io.err, `${server} has a certificate authority of its own. SHA-256 fingerprint:`);
  await line(io.err, `  ${fingerprint}`);
  await line(io.err, 'On the server: openssl x509 -noout -fingerprint -sha256 -in <its data directory>/tls/ca.crt');
  if (!io.input.isTerminal)
    throw usageError(
      "can't ask whether to trust it: standard input is no terminal",
      `Compare the fingerprint, then add --ca-fingerprint ${fingerprint} (or --ca FILE).`,
    );
  const answer = await io.input.ask('Trust it from now on? [y/N] ');
  if (!/^y(es)?$/i.test(answer.trim())) throw cancelled();
}

/** Asks the server for its authority without checking who answers: what comes is only shown and compared. */
function shownAuthority(server: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(`${server}/v1/info`, { rejectUnauthorized: false, agent: false, timeout: 20_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => {
        try {
          resolve(new X509Certificate((JSON.parse(body) as ServerInfo).ca ?? '').toString());
        } catch (cause) {
          reject(new CliError(`${server} doesn't show its certificate authority`, { fix: 'Add --ca FILE.', cause }));
        }
      });
    });
    call.on('error', (error) => reject(networkError(error, server)));
    call.end();
  });
}

async function readPem(file: string): Promise<string> {
  try {
    return new X509Certificate(await readFile(file)).toString();
  } catch (cause) {
    throw new CliError(`${file} holds no certificate in PEM form: ${(cause as Error).message}`, { cause, exit: EXIT.usage });
  }
}

function plain(fingerprint: string): string {
  return fingerprint
    .replace(/^sha-?256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
}
