import type { LoginView, MeView } from '../core/accounts/api.ts';
import { CliError } from './errors.ts';
import { HttpClient } from './http/client.ts';
import { type Io, line } from './io.ts';
import type { MetServer } from './login.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** How much longer to wait when the server says slow_down, s (RFC 8628, 3.5). */
const SLOWER = 5;

interface DeviceCode {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  /** Seconds. */
  readonly interval: number;
}

/** Shows a code and waits until a person has approved it in a browser elsewhere (RFC 8628). No password comes here. */
export async function deviceLogin(io: Io, { http }: MetServer): Promise<LoginView> {
  const code = await http.json<DeviceCode>({ method: 'POST', path: '/v1/device/code', body: {} });
  await line(io.err, `Open ${code.verification_uri_complete}`);
  await line(io.err, `in a browser, on any machine, and check that it shows the code ${code.user_code}`);
  const { access_token: token, expires_in } = await poll(io, http, code);
  const me = await new HttpClient({ ...http.endpoint, token }).json<MeView>({ path: '/v1/me' });
  return { ...me, token, expiresAt: io.now() + expires_in * 1000 };
}

async function poll(io: Io, http: HttpClient, { device_code, interval }: DeviceCode) {
  for (let seconds = interval; ; ) {
    await io.sleep(seconds * 1000);
    try {
      const body = { grant_type: GRANT, device_code };
      return await http.json<{ access_token: string; expires_in: number }>({ method: 'POST', path: '/v1/device/token', body });
    } catch (error) {
      const problem = error instanceof CliError ? error.code : undefined;
      if (problem === 'slow_down') seconds += SLOWER;
      else if (problem !== 'authorization_pending') throw error;
    }
  }
}
