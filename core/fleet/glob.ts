/**
 * Go's path.Match, which fleet's Conflicts and Replaces are written for: `*` and `?` don't match "/", `[a-z]` and `[^a-z]` are sets,
 * `\` takes the next character as it is. https://pkg.go.dev/path#Match
 *
 * Not by way of a regular expression: patterns come from users, and one with many stars could keep that busy for ever. This takes at
 * most the length of the pattern times that of the text.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const tokens = tokensOf(pattern);
  return (text) => tokens !== undefined && matches(tokens, Array.from(text));
}

function matches(tokens: readonly Token[], characters: readonly string[]): boolean {
  let token = 0;
  let at = 0;
  let star = -1;
  let starEnd = 0;
  while (at < characters.length) {
    const expected = tokens[token];
    if (expected === STAR) {
      star = token++;
      starEnd = at;
    } else if (expected?.(characters[at]!)) {
      token++;
      at++;
    } else if (star >= 0 && characters[starEnd] !== '/') {
      // The last star takes one more: what an earlier one could take instead would not help.
      token = star + 1;
      at = ++starEnd;
    } else return false;
  }
  return tokens.slice(token).every((each) => each === STAR);
}

/** False: Go would say ErrBadPattern, and such a pattern matches nothing. */
export function isGlob(pattern: string): boolean {
  return tokensOf(pattern) !== undefined;
}

const STAR = Symbol('*');
type Token = typeof STAR | ((character: string) => boolean);

function tokensOf(pattern: string): Token[] | undefined {
  const tokens: Token[] = [];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === '*') tokens.push(STAR);
    else if (character === '?') tokens.push((each) => each !== '/');
    else if (character === '[') {
      const set = readSet(characters, at + 1);
      if (!set) return undefined;
      tokens.push(set.token);
      at = set.end;
    } else if (character === '\\') {
      const next = characters[++at];
      if (next === undefined) return undefined;
      tokens.push((each) => each === next);
    } else tokens.push((each) => each === character);
  }
  return tokens;
}

/** `[` was read; ends on the `]`. */
function readSet(characters: readonly string[], from: number): { token: Token; end: number } | undefined {
  const negated = characters[from] === '^';
  let at = negated ? from + 1 : from;
  const ranges: (readonly [low: string, high: string])[] = [];
  for (; ranges.length === 0 || characters[at] !== ']'; ) {
    const low = readCharacter(characters, at);
    if (!low) return undefined;
    at = low.next;
    if (characters[at] !== '-') {
      ranges.push([low.character, low.character]);
      continue;
    }
    const high = readCharacter(characters, at + 1);
    if (!high) return undefined;
    at = high.next;
    ranges.push([low.character, high.character]);
  }
  const token = (each: string) => ranges.some(([low, high]) => low <= each && each <= high) !== negated;
  return { token, end: at };
}

function readCharacter(characters: readonly string[], at: number): { character: string; next: number } | undefined {
  const character = characters[at];
  if (character === undefined || character === '-' || character === ']') return undefined;
  if (character !== '\\') return { character, next: at + 1 };
  const escaped = characters[at + 1];
  return escaped === undefined ? undefined : { character: escaped, next: at + 2 };
}
