import { useEffect, useState } from 'preact/hooks';
import { fromNow } from '../format.ts';

/** A time as people say it, and exactly when one points at it. */
export function When({ at }: { readonly at: number | string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  const time = typeof at === 'number' ? at : Date.parse(at);
  if (!Number.isFinite(time)) return <>-</>;
  const date = new Date(time);
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString()}>
      {fromNow(time, now)}
    </time>
  );
}
