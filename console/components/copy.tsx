import { useEffect, useState } from 'preact/hooks';

/** Text to be used elsewhere, with a button that copies it. */
export function Copyable({
  text,
  label,
  secret = false,
}: {
  readonly text: string;
  readonly label: string;
  readonly secret?: boolean;
}) {
  const [said, setSaid] = useState('');
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => setSaid(''), 4000);
    return () => clearTimeout(timer);
  }, [said]);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      setSaid('Not allowed: select the text and copy it');
    }
  }
  return (
    <div class="copyable">
      {/* Focusable, so that the keyboard can scroll and select it. */}
      <pre tabIndex={0} aria-label={label}>
        <code translate={false}>{text}</code>
      </pre>
      <div class="buttons">
        <button type="button" class="primary" onClick={() => void copy()}>
          Copy<span class="sr-only"> {label}</span>
        </button>
        <span role="status">{said}</span>
      </div>
      {secret && <p class="hint">This is shown once: nobody can look it up later, neither can we.</p>}
    </div>
  );
}

/** What does the same on the command line. */
export function Cli({ children }: { readonly children: string | readonly string[] }) {
  return (
    <details class="cli">
      <summary>On the command line</summary>
      <pre tabIndex={0} aria-label="the same on the command line">
        <code translate={false}>{[children].flat().join('\n')}</code>
      </pre>
    </details>
  );
}
