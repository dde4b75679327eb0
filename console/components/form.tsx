import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';
import { ApiError } from '../api/http.ts';
import type { Action } from '../state/use-action.ts';
import { Problem } from './states.tsx';

/** What a form holds, by the names of its fields; empty fields are left out. */
export type Values = Readonly<Record<string, string | undefined>>;

interface FormProps {
  readonly action: Action<[Values]>;
  readonly submit: string;
  readonly children: ComponentChildren;
  readonly danger?: boolean;
  /** More buttons beside the one that submits. */
  readonly beside?: ComponentChildren;
}

/** Fields, one button, and what went wrong. Enter submits, as everywhere. */
export function Form({ action, submit, children, danger, beside }: FormProps) {
  function onSubmit(event: JSX.TargetedSubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const entries = [...new FormData(event.currentTarget)];
    const given = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '');
    void action.run(Object.fromEntries(given));
  }
  return (
    <form onSubmit={onSubmit}>
      {children}
      <Problem problem={action.problem && inForm(action.problem)} />
      <div class="buttons">
        <button type="submit" class={danger ? 'danger' : 'primary'} disabled={action.busy}>
          {action.busy ? 'One moment…' : submit}
        </button>
        {beside}
      </div>
    </form>
  );
}

/** What is wrong with a field is said at the field; "details" are an API client's word. */
function inForm(problem: ApiError): ApiError {
  if (problem.code !== 'invalid_request' || problem.details.length === 0) return problem;
  const [first = '', ...rest] = problem.message;
  const { status, code, details } = problem;
  return new ApiError({
    status,
    code,
    details,
    message: `${first.toUpperCase()}${rest.join('')}.`,
    fix: 'Correct it and try again.',
  });
}

interface FieldProps extends Omit<JSX.InputHTMLAttributes<HTMLInputElement>, 'id' | 'name'> {
  readonly name: string;
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly problem?: ApiError | undefined;
}

export function Field({ label, hint, problem, ...input }: FieldProps) {
  const id = useId();
  const wrong = problem?.details.find(({ field }) => field === input.name);
  const described = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} {...input} aria-invalid={wrong ? true : undefined} aria-describedby={described || undefined} />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {wrong && (
        <p class="wrong" id={`${id}-wrong`}>
          {wrong.message}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps extends Omit<JSX.SelectHTMLAttributes<HTMLSelectElement>, 'id' | 'name'> {
  readonly name: string;
  readonly label: string;
  readonly options: readonly (readonly [value: string, words: string])[];
  /** What is chosen at first; else the first. */
  readonly initial?: string;
  readonly hint?: string;
}

export function Choice({ label, options, initial, hint, ...select }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} {...select} aria-describedby={hint ? `${id}-hint` : undefined}>
        {options.map(([value, words]) => (
          <option key={value} value={value} selected={value === initial}>
            {words}
          </option>
        ))}
      </select>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

export function EmailField({ label = 'E-mail', ...rest }: Partial<FieldProps>) {
  return <Field name="email" type="email" autocomplete="username" required maxLength={254} {...rest} label={label} />;
}

/** `fresh`: a password that is being chosen. */
export function PasswordField({
  fresh = false,
  label = 'Password',
  ...rest
}: Partial<FieldProps> & { readonly fresh?: boolean }) {
  const rules = fresh
    ? { minLength: 8, maxLength: 256, hint: 'At least 8 characters; a sentence of several words is good.' }
    : {};
  return (
    <Field
      name="password"
      type="password"
      autocomplete={fresh ? 'new-password' : 'current-password'}
      required
      {...rules}
      {...rest}
      label={label}
    />
  );
}
