/** Debian's Chromium, headless, for tests of pages; no browser is downloaded. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import { skipFor } from './machine.ts';

const executablePath = '/usr/bin/chromium';

/** For tests that open a page. */
export const withoutChromium = (): string | false => skipFor(existsSync(executablePath) ? null : `${executablePath} is not here`);

/** How pages are looked at: on a desk and on a telephone, each in one of the colour schemes. */
export const looks = [
  { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
] as const;

export const openChromium = (args: readonly string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath, args: [...args] });
