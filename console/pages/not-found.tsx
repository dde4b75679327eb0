import { Page } from '../components/page.tsx';

export function NotFoundPage() {
  return (
    <Page title="There is no such page" narrow>
      <p>
        Perhaps the link is old. <a href="/">Your clusters</a> are here.
      </p>
    </Page>
  );
}
