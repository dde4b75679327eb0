/** How often is looked. */
const CHECK_MS = 500;

/**
 * Calls back when the shell ended by which `npm run` or `npx` runs this process: told to stop, npm tells that shell, and the shell tells nobody.
 * Never when this process was started in another way: then it may well outlive what started it.
 *
 * @param direct whether what npm runs is this process, and not one that started it: told the script's name (`npx` for that) and its text
 */
export function onNpmEnded(then: () => void, direct: (name: string, text: string) => boolean): void {
  const { npm_lifecycle_event: name, npm_lifecycle_script: text = '' } = process.env;
  if (name === undefined || !direct(name, text)) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    then();
  }, CHECK_MS);
  timer.unref();
}
