import type { ComponentChildren } from 'preact';

export type Tone = 'good' | 'bad' | 'warn' | 'plain';

/** A state: the words say it, the colour only helps. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** Whether what is on the page follows what happens. */
export function Live({ live }: { readonly live: boolean }) {
  return (
    <span role="status">
      <Badge tone={live ? 'good' : 'warn'}>{live ? 'Live' : 'Connecting again…'}</Badge>
    </span>
  );
}
