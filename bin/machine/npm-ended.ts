/** How often is looked. */
const CHECK_MS = 500;

/**
 * Calls back when the shell ended by which `npm run` or `npx` runs this process: told to stop, npm tells that shell, and the shell tells nobody.
 * Never when this process was started in another way: then it may well outlive what started it.
 *
 * @param scripts how npm names what it runs; `npx` for that
 */
export function onNpmEnded(then: () => void, scripts: readonly string[] | 'any'): void {
  const script = process.env.npm_lifecycle_event;
  if (script === undefined || (scripts !== 'any' && !scripts.includes(script))) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    then();
  }, CHECK_MS);
  timer.unref();
}
