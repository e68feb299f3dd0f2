/**
 * The example page in headless Chromium, from a plain static server and the files that its first lines name: probabilities as
 * ONNX Runtime gives them on the same pixels, also when the server is gone. No browser is downloaded.
 */
import assert from 'node:assert/strict';
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { fits } from '../../src/data/fit.ts';
import { readImage, toGrey, usualRendering } from '../../src/data/image.ts';
import type { Shape } from '../../src/network/network.ts';
import { openChromium, withoutChromium } from '../support/chromium.ts';
import { exportedModel, picture, probabilitiesOf } from './models.ts';

const skip = withoutChromium();

const examples = fileURLToPath(new URL('../../../examples', import.meta.url));
const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** The files of one folder, by their names. */
const serve = (folder: string) =>
  createServer(({ url = '/' }, response) => {
    const name = basename(new URL(url, 'http://localhost').pathname) || 'index.html';
    readFile(join(folder, name)).then(
      (bytes) => response.writeHead(200, { 'content-type': types[extname(name)] ?? 'application/octet-stream' }).end(bytes),
      () => response.writeHead(404).end(),
    );
  });

const colour = { channels: 3, height: 16, width: 16 };
const grey = { channels: 1, height: 12, width: 20 };
const colourClasses = ['fig & olive', 'Kürbis', '<b>plum</b>'];
const greyClasses = Array.from({ length: 12 }, (_none, index) => `class ${index}`);

describe('the example page', { skip }, () => {
  const models = { colour: exportedModel(colour, colourClasses), grey: exportedModel(grey, greyClasses) };
  let folder: string;
  let server: ReturnType<typeof serve>;
  let browser: Browser;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'instar-page-'));
    await cp(join(examples, 'browser'), folder, { recursive: true });
    for (const name of ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm'])
      await copyFile(join(runtime, name), join(folder, name));
    await writeFile(join(folder, 'model.onnx'), models.colour);
    server = serve(folder);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await openChromium();
  });
  after(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The page, once the network beside it is there; and what it does that it should not. */
  async function open(): Promise<{ page: Page; wrong: string[] }> {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const page = await browser.newPage();
    const wrong: string[] = [];
    page.on('console', (message) => void (['error', 'warning'].includes(message.type()) && wrong.push(message.text())));
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(origin)) wrong.push(request.url());
    });
    await page.goto(origin);
    await page.getByText('16 × 16 pixels, colour, 3 classes').waitFor();
    return { page, wrong };
  }

  const choose = (page: Page, name: string, buffer: Uint8Array): Promise<void> =>
    page.locator('#file').setInputFiles({ name, mimeType: '', buffer: Buffer.from(buffer) });

  /** Until the bars are those of that image. */
  const heading = (page: Page, name: string): Promise<void> => page.getByRole('heading', { name, exact: true }).waitFor();

  /** What the bars say, by class; from the largest, as they stand. */
  async function shown(page: Page): Promise<ReadonlyMap<string, number>> {
    const names = await page.locator('#bars span').allTextContents();
    const values = await Promise.all((await page.locator('#bars data').all()).map((value) => value.getAttribute('value')));
    assert.deepEqual(
      values.toSorted((a, b) => Number(b) - Number(a)),
      values,
    );
    return new Map(names.map((name, index) => [name, Number(values[index])]));
  }

  function assertSame(actual: ReadonlyMap<string, number>, classes: readonly string[], expected: readonly number[]): void {
    assert.deepEqual([...actual.keys()].toSorted(), classes.toSorted());
    classes.forEach((name, index) => {
      const difference = Math.abs((actual.get(name) ?? NaN) - (expected[index] as number));
      assert.ok(difference < 1e-5, `${name}: ${actual.get(name)} instead of ${expected[index]}`);
    });
  }

  test('an image in, probabilities out: colour, grey, and without the server', async () => {
    const { page, wrong } = await open();
    const first = await picture('first', colour);
    await choose(page, 'first.png', first.png);
    await heading(page, 'first.png');
    assertSame(await shown(page), colourClasses, await probabilitiesOf(models.colour, first.colours, colour));

    // Everything is here by now.
    await page.context().setOffline(true);
    await choose(page, 'other.onnx', models.grey);
    await page.getByText('20 × 12 pixels, grey, 12 classes').waitFor();
    const second = await picture('second', grey);
    await choose(page, 'second.png', second.png);
    const planes = Uint8Array.from(
      second.colours,
      (_none, at) => second.colours[3 * (at % 240) + Math.floor(at / 240)] as number,
    );
    await heading(page, 'second.png');
    assertSame(await shown(page), greyClasses, await probabilitiesOf(models.grey, toGrey(planes), grey));
    assert.deepEqual(wrong, []);
    await page.close();
  });

  /** What the network gets, as the page shows it: RGBA. */
  const seen = (page: Page, { height, width }: Shape): Promise<number[]> =>
    page.evaluate(`(() => {
      const copy = new OffscreenCanvas(${width}, ${height}).getContext('2d');
      copy.drawImage(document.getElementById('pixels'), 0, 0);
      return [...copy.getImageData(0, 0, ${width}, ${height}).data];
    })()`);

  const renderings = [{}, ...fits.map((fit) => ({ fit, background: '#2040a0' }))];
  test('a larger image that was dropped, half transparent: the pixels that Instar makes of it, nearly', async () => {
    const { page, wrong } = await open();
    const { colours } = await picture('large', { channels: 3, height: 211, width: 347 }, 40);
    const opacity = Buffer.from(colours.filter((_none, at) => at % 3 === 0));
    const path = join(folder, 'large.png');
    await sharp(colours, { raw: { width: 347, height: 211, channels: 3 } })
      .joinChannel(opacity, { raw: { width: 347, height: 211, channels: 1 } })
      .toFile(path);
    for (const [index, rendering] of renderings.entries()) {
      const classes = Array.from({ length: 4 + index }, (_none, at) => `class ${at}`);
      await choose(page, 'other.onnx', exportedModel(colour, classes, rendering));
      await page.getByText(`16 × 16 pixels, colour, ${classes.length} classes`).waitFor();
      await page.evaluate(`(async () => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([await (await fetch('large.png')).blob()], 'large ${index}.png'));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      })()`);
      await heading(page, `large ${index}.png`);
      const [actual, expected] = [await seen(page, colour), await readImage(path, colour, { ...usualRendering, ...rendering })];
      const differences = Array.from(expected, (value, at) =>
        Math.abs(value - (actual[4 * (at % 256) + Math.floor(at / 256)] ?? 0)),
      );
      const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
      const spread = Math.max(...expected) - Math.min(...expected);
      assert.ok(spread > 40, `${spread}`);
      // sharp averages whole pixels before it resamples; the browser's own drawImage is 8 of 255 away.
      assert.ok(mean < 3, `${mean} of 255, spread ${spread}`);
    }
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test('what cannot be read is said in a line, and the network before goes on', async () => {
    const { page, wrong } = await open();
    const problem = page.getByRole('alert');
    const said = async (line: string): Promise<void> => problem.getByText(line, { exact: true }).waitFor();
    await choose(page, 'text.png', Buffer.from('text'));
    await said('text.png: this browser cannot read it as an image');
    await choose(page, 'cut.onnx', models.colour.subarray(0, 1000));
    await said('cut.onnx: not an ONNX file, or truncated');
    await choose(page, 'other.onnx', Uint8Array.of(8, 8));
    await said('other.onnx: it has no class names, so Instar did not export it');
    const { png, colours } = await picture('after', colour);
    await choose(page, 'after.png', png);
    await heading(page, 'after.png');
    assert.equal(await problem.textContent(), '');
    assertSame(await shown(page), colourClasses, await probabilitiesOf(models.colour, colours, colour));
    assert.deepEqual(wrong, []);
    await page.close();
  });
});
