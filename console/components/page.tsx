import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface PageProps {
  readonly title: string;
  /** Forms of one column. */
  readonly narrow?: boolean;
  readonly beside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Heading and title of a page. The heading takes the focus when the page opens, so that keyboard and screen reader start there. */
export function Page({ title, narrow = false, beside, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} - Terrane`;
    // A field that asks for the focus keeps it.
    if (!heading.current?.parentElement?.parentElement?.contains(document.activeElement)) heading.current?.focus();
  }, [title]);
  return (
    <div class={narrow ? 'narrow' : 'wide'}>
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {beside}
      </div>
      {children}
    </div>
  );
}
