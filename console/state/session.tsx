import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { MeView } from '../../core/accounts/api.ts';
import { atLeast } from '../../core/accounts/roles.ts';
import type { Role } from '../../core/ports/identity.ts';

export interface Session {
  /** Undefined: nobody is logged in. */
  readonly me: MeView | undefined;
  /** Asks the server again who is logged in. */
  readonly refresh: () => Promise<void>;
  /** The server no longer knows the login. */
  readonly lost: () => void;
}

export const SessionContext = createContext<Session>({ me: undefined, refresh: async () => {}, lost: () => {} });

export const useSession = (): Session => useContext(SessionContext);

/** For pages that are shown only to who is logged in. */
export function useMe(): MeView {
  const { me } = useSession();
  if (!me) throw new Error('this page needs a login');
  return me;
}

/** May the person do what needs this role? The server decides; this only spares people buttons that can't work. */
export function useMay(role: Role): boolean {
  return atLeast(useMe().role, role);
}
