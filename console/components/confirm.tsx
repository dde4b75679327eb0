import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useAction } from '../state/use-action.ts';
import { Dialog } from './dialog.tsx';
import { Problem } from './states.tsx';

interface ConfirmProps {
  /** On the button that opens the question, and on the one that does it. */
  readonly verb: string;
  /** For screen readers: which of many. */
  readonly of?: string;
  readonly title: string;
  readonly act: () => Promise<unknown>;
  readonly children: ComponentChildren;
}

/** A button that asks before it does what can't be undone. */
export function Confirm({ verb, of, title, act, children }: ConfirmProps) {
  const [open, setOpen] = useState(false);
  const action = useAction(async () => {
    await act();
    setOpen(false);
  });
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        {verb}
        {of && <span class="sr-only"> {of}</span>}
      </button>
      {open && (
        <Dialog title={title} close={() => setOpen(false)}>
          {children}
          <Problem problem={action.problem} />
          <div class="buttons">
            <button type="button" class="danger" disabled={action.busy} onClick={() => void action.run()}>
              {verb}
            </button>
            <button type="button" onClick={() => setOpen(false)}>
              Cancel
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
