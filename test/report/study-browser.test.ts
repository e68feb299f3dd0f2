/**
 * The page of a study in headless Chromium: four methods and two baselines, eight repetitions each; on a desk and on a
 * telephone, light and dark, on paper. It asks for nothing, complains of nothing, and never scrolls sideways.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { svgFile } from '../../src/report/figure.ts';
import { listFigures } from '../../src/report/figures.ts';
import { studyFigures } from '../../src/report/study-figures.ts';
import { studyPage } from '../../src/report/study-page.ts';
import type { StudyDetails } from '../../src/report/study/study.ts';
import { looks, openChromium, withoutChromium } from '../support/chromium.ts';
import { place } from '../support/runs.ts';
import { around, madeUp } from '../study/made-up.ts';
import { hostile } from './hostile.ts';
import * as inPage from './in-page.ts';
import { openPage } from './open-page.ts';
import { simulatedStudy } from './study.ts';

const skip = withoutChromium();

/** Table 1 with names as long as the settings are many. */
const settings: StudyDetails = {
  result: madeUp(
    ['flip', 'flip + mixup', 'flip + mixup + cutout + shift', hostile[0] ?? ''].map((name, index) => ({
      name,
      test: [null, null],
      augmentation: { mixup: index > 0 ? 1 : 0, cutout: index > 1 ? 0.5 : 0, shift: index > 1 ? 0.125 : 0 },
      vanilla: (repetition) =>
        around(70 - 3 * index + repetition, 1, 20, name).map((percent) => ({
          clean: percent / 100,
          augmented: percent / 100 - 0.05,
        })),
    })),
    'vanilla',
    2,
  ),
  runs: [],
  damaged: [],
  file: `title: ${'long'.repeat(60)}\n`,
  command: 'instar study studies/table-1.yaml',
};

describe('the page of a study in a browser', { skip }, () => {
  let browser: Browser;
  let large: StudyDetails;
  const pages: Record<'large' | 'settings', string> = { large: '', settings: '' };

  before(async () => {
    large = simulatedStudy({ run: { steps: 2 } });
    for (const [name, study] of [
      ['large', large],
      ['settings', settings],
    ] as const) {
      pages[name] = join(place, `study-${name}.html`);
      writeFileSync(pages[name], studyPage(study, 'today'));
    }
    browser = await openChromium();
  });
  after(() => browser.close());

  for (const name of ['large', 'settings'] as const)
    for (const look of looks)
      test(`${name}, ${look.viewport.width} wide, ${look.colorScheme}`, () =>
        openPage(browser, pages[name], look, async (page) => {
          assert.ok(await page.evaluate(inPage.isNarrow), 'the page does not scroll sideways');
          await page.evaluate(inPage.unfoldAll);
          assert.ok(await page.evaluate(inPage.isNarrow), 'nor does it with all details');
          const seen = await page.evaluate<number[]>(inPage.drawingsSeen);
          assert.equal(seen.length, listFigures(studyFigures(name === 'large' ? large : settings)).length);
          assert.ok(
            seen.every((drawings) => drawings === 1),
            `one drawing a figure: ${seen.join()}`,
          );
          assert.deepEqual(await page.evaluate(inPage.lowContrasts), []);
        }));

  test('on a desk the tables of a study need no scrolling', () =>
    openPage(browser, pages.large, { viewport: looks[0].viewport }, async (page) => {
      assert.deepEqual(await page.evaluate(inPage.scrollingTables), []);
    }));

  test('on a telephone a row keeps its name in sight while its numbers scroll', () =>
    openPage(browser, pages.large, { viewport: looks[1].viewport }, async (page) => {
      const name = page.locator('table.study').first().locator('tbody th[scope=row]').first();
      const resting = await name.boundingBox();
      await page.evaluate(inPage.scrollFirstTable);
      const now = await name.boundingBox();
      assert.ok(resting !== null && now !== null && Math.abs(resting.x - now.x) < 1, `${resting?.x} ${now?.x}`);
    }));

  test('it prints', () =>
    openPage(browser, pages.large, { colorScheme: 'dark' }, async (page) => {
      await page.setViewportSize({ width: 688, height: 980 });
      await page.emulateMedia({ media: 'print' });
      assert.ok(await page.evaluate(inPage.isNarrow), 'tables are no wider than A4 within its margins');
      const pdf = await page.pdf({ format: 'A4', printBackground: true });
      const sheets = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0;
      assert.ok(sheets >= 4 && sheets <= 20, `${sheets} sheets`);
    }));

  test('each figure is a file that a browser draws', async () => {
    const folder = join(place, 'study-figures');
    mkdirSync(folder, { recursive: true });
    for (const figure of [...listFigures(studyFigures(large)), ...listFigures(studyFigures(settings))]) {
      const path = join(folder, `${figure.name}.svg`);
      writeFileSync(path, svgFile(figure));
      await openPage(browser, path, {}, async (page) => {
        assert.ok(await page.evaluate(inPage.isSvg), figure.name);
        assert.equal(await page.evaluate(inPage.foreignElements), 0);
      });
    }
  });
});
