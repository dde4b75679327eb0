import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import { alone } from './alone.ts';
import { type Browser, chromium, type Page } from 'playwright-core';

/** How long a page may take, ms. A limit on hanging: this machine may be slow and busy. */
export const PATIENCE_MS = 60_000;

export const SIZES = {
  phone: { width: 360, height: 740 },
  desktop: { width: 1280, height: 800 },
} as const;

export type Size = keyof typeof SIZES;

/** Debian's Chromium. It reaches these servers of this machine and, where we may make networks (as root), nothing else. */
export async function openBrowser(urls: readonly string[]): Promise<Browser> {
  const ports = urls.map((url) => Number(new URL(url).port));
  const network = process.getuid?.() === 0 ? await alone(CHROMIUM, ports) : undefined;
  try {
    const browser = await chromium.launch({ executablePath: network?.wrapper ?? CHROMIUM, args: ARGS, timeout: PATIENCE_MS });
    browser.on('disconnected', () => network?.close());
    await network?.ready;
    return browser;
  } catch (error) {
    network?.close();
    throw error;
  }
}

const CHROMIUM = '/usr/bin/chromium';
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser of somebody: their own cookies. What the page complains about (CSP violations, too) is collected in `complaints`. */
export async function visitor(browser: Browser, baseURL: string, size: Size, colorScheme: 'light' | 'dark' = 'light') {
  const context = await browser.newContext({
    baseURL,
    viewport: SIZES[size],
    colorScheme,
    // The embedded server has an authority of its own.
    ignoreHTTPSErrors: true,
    acceptDownloads: true,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  context.setDefaultNavigationTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    // Chromium writes a line for each answer >= 400; those are asked for, and shown on the page.
    if (message.type() !== 'error' || message.text().startsWith('Failed to load resource: the server responded')) return;
    // Other people's pages, such as an issuer's, are theirs.
    if (!page.url().startsWith(baseURL)) return;
    complaints.push(message.text());
  });
  return { context, page, complaints };
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What is wrong with a page as it is now, for its people: too wide, or (axe-core's word) seriously hard to use. */
export async function faultsOf(page: Page): Promise<string[]> {
  const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  // Through the debugger, which a page's policy doesn't bind.
  await page.evaluate(axeSource);
  const { violations } = (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
  )) as AxeResults;
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return [
    ...(wide === 0 ? [] : [`scrolls sideways by ${String(wide)} px`]),
    ...serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`),
  ];
}

/** Every page: it shows what it should, nobody is shut out of it, and it fits both screens, in both themes. */
export async function isGood(page: Page, heading: string): Promise<void> {
  await page.getByRole('heading', { name: heading, level: 1, exact: true }).waitFor();
  await page.getByText(/^Loading /).waitFor({ state: 'detached' });
  const before = page.viewportSize()!;
  for (const [size, colorScheme] of [
    ['phone', 'light'],
    ['desktop', 'dark'],
  ] as const) {
    await page.setViewportSize(SIZES[size]);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    expect([page.url(), size, await faultsOf(page)]).toEqual([page.url(), size, []]);
  }
  await page.setViewportSize(before);
}

export type { Browser, Page };
