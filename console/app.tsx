import type { ComponentType } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { LocationProvider, Route, Router, useLocation } from 'preact-iso';
import type { MeView } from '../core/accounts/api.ts';
import type { PagePath } from '../core/console/pages.ts';
import { ApiError, ask } from './api/http.ts';
import { Layout } from './components/layout.tsx';
import { Loading, Problem } from './components/states.tsx';
import { AccountPage } from './pages/account.tsx';
import { AuditPage } from './pages/audit.tsx';
import { ClusterPage } from './pages/cluster.tsx';
import { DevicePage } from './pages/device.tsx';
import { ForgotPage } from './pages/forgot.tsx';
import { HomePage } from './pages/home.tsx';
import { InvitePage } from './pages/invite.tsx';
import { LoginPage } from './pages/login.tsx';
import { MembersPage } from './pages/members.tsx';
import { NewClusterPage } from './pages/new-cluster.tsx';
import { NodesPage } from './pages/nodes.tsx';
import { NotFoundPage } from './pages/not-found.tsx';
import { OrganisationPage } from './pages/organisation.tsx';
import { ResetPage } from './pages/reset.tsx';
import { SignupPage } from './pages/signup.tsx';
import { TokensPage } from './pages/tokens.tsx';
import { UnitPage } from './pages/unit.tsx';
import { UpdatesPage } from './pages/updates.tsx';
import { VerifyPage } from './pages/verify.tsx';
import { WorkloadsPage } from './pages/workloads.tsx';
import { type Session, SessionContext, useSession } from './state/session.tsx';

interface Page {
  readonly page: ComponentType<{ readonly id?: string }>;
  /** Shown without a login, too. */
  readonly open?: boolean;
}

/** Every path that the server answers with this app has its page: the type says so. */
const PAGES: Readonly<Record<PagePath, Page>> = {
  '/': { page: HomePage },
  '/signup': { page: SignupPage, open: true },
  '/login': { page: LoginPage, open: true },
  '/forgot': { page: ForgotPage, open: true },
  '/reset': { page: ResetPage, open: true },
  '/verify': { page: VerifyPage, open: true },
  '/invite': { page: InvitePage, open: true },
  '/device': { page: DevicePage },
  '/new-cluster': { page: NewClusterPage },
  '/cluster/:id': { page: ClusterPage as Page['page'] },
  '/cluster/:id/nodes': { page: NodesPage as Page['page'] },
  '/cluster/:id/workloads': { page: WorkloadsPage as Page['page'] },
  '/cluster/:id/units/:name': { page: UnitPage as Page['page'] },
  '/cluster/:id/updates': { page: UpdatesPage as Page['page'] },
  '/tokens': { page: TokensPage },
  '/members': { page: MembersPage },
  '/audit': { page: AuditPage },
  '/organisation': { page: OrganisationPage },
  '/account': { page: AccountPage },
};

export function App() {
  const [me, setMe] = useState<MeView | null>();
  const [problem, setProblem] = useState<ApiError>();
  const refresh = useCallback(async () => {
    try {
      setMe(await ask<MeView>('/v1/me'));
      setProblem(undefined);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) setMe(null);
      else setProblem(error);
    }
  }, []);
  useEffect(() => void refresh(), []);
  const session: Session = useMemo(() => ({ me: me ?? undefined, refresh, lost: () => setMe(null) }), [me]);
  if (problem) {
    return (
      <main class="narrow">
        <Problem problem={problem} retry={refresh} />
      </main>
    );
  }
  if (me === undefined) return <Loading what="the console" />;
  return (
    <SessionContext.Provider value={session}>
      <LocationProvider>
        <Layout>
          <Router>
            {Object.entries(PAGES).map(([path, { page, open }]) => (
              <Route key={path} path={path} component={open ? page : guarded(page)} />
            ))}
            <Route default component={NotFoundPage} />
          </Router>
        </Layout>
      </LocationProvider>
    </SessionContext.Provider>
  );
}

const guards = new Map<Page['page'], Page['page']>();

/** The page, or the way to the login and back to it. One wrapper a page, or the router would take it for another page each time. */
function guarded(page: Page['page']): Page['page'] {
  const known = guards.get(page);
  if (known) return known;
  const Wanted = page;
  const Guard: Page['page'] = (props) => {
    const { me } = useSession();
    const { url, route } = useLocation();
    useEffect(() => {
      if (!me) route(url === '/' ? '/login' : `/login?${new URLSearchParams({ next: url })}`, true);
    }, [me]);
    return me ? <Wanted {...props} /> : null;
  };
  guards.set(page, Guard);
  return Guard;
}
