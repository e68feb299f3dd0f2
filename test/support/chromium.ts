/** Debian's Chromium, headless, for tests of pages; no browser is downloaded. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import { skipFor } from './machine.ts';

const executablePath = '/usr/bin/chromium';

/** For tests that open a page. */
export const withoutChromium = (): string | false => skipFor(existsSync(executablePath) ? null : `${executablePath} is not here`);

export const openChromium = (): Promise<Browser> => chromium.launch({ executablePath });
