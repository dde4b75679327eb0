import { useLayoutEffect, useRef } from 'preact/hooks';
import { useText } from '../state/use-text.ts';
import { Loading, Problem } from './states.tsx';
import { Live } from './badge.tsx';

const LINES = 50;

/** The end of what a unit wrote to the journal of a host, and what it goes on writing. `resource`: path of the Unit. */
export function Journal({ resource, host }: { readonly resource: string; readonly host: string }) {
  const query = new URLSearchParams({ host, lines: String(LINES), follow: 'true' });
  const { text, live, problem, again } = useText(`${resource}/journal?${query}`);
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  // Who scrolled up reads; who is at the end sees what comes.
  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  function scrolled({ currentTarget: { scrollHeight, scrollTop, clientHeight } }: { currentTarget: HTMLPreElement }) {
    atEnd.current = scrollHeight - scrollTop - clientHeight < 8;
  }
  if (text === undefined) return problem ? <Problem problem={problem} retry={again} /> : <Loading what="the journal" />;
  return (
    <>
      <Problem problem={problem} />
      {text === '' ? (
        <p class="quiet">Nothing yet.</p>
      ) : (
        <pre ref={box} class="journal" tabIndex={0} aria-label={`journal on ${host}`} onScroll={scrolled}>
          <code translate={false}>{text}</code>
        </pre>
      )}
      {live ? (
        <Live live />
      ) : (
        <button type="button" onClick={again}>
          Read it again
        </button>
      )}
    </>
  );
}
