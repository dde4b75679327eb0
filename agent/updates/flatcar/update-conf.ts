/** update.conf(5) of Flatcar with these settings; everything else that is in it stays, in its order. */
export function updateConf(text: string, settings: Readonly<Record<string, string>>): string {
  const left = new Map(Object.entries(settings));
  const lines = text.split('\n').flatMap((line) => {
    const name = /^\s*([A-Z_]+)\s*=/.exec(line)?.[1];
    if (name === undefined || !Object.hasOwn(settings, name)) return [line];
    // Of several, the last counts for update_engine: there is only one now.
    if (!left.delete(name)) return [];
    return [`${name}=${settings[name]}`];
  });
  while (lines.at(-1) === '') lines.pop();
  return `${[...lines, ...Array.from(left, ([name, value]) => `${name}=${value}`)].join('\n')}\n`;
}
