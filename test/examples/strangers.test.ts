/** The paths of somebody who is new here, in their short form: few small images, some seconds. The whole form: bench/strangers.ts. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { main, makePhotos, newFolder, tiny } from '../cli/fixtures.ts';
import { withoutChromium } from '../support/chromium.ts';
import { inTerminal, onlyRun, tryInBrowser, withoutTmux } from '../support/strangers.ts';

const server = fileURLToPath(new URL('../../../examples/library/server.mjs', import.meta.url));

describe('photos of your own', { skip: withoutTmux() || withoutChromium() }, () => {
  let place = '';
  before(async () => {
    place = newFolder();
    await makePhotos(join(place, 'photos'), 12);
  });
  after(() => rmSync(place, { recursive: true, force: true }));

  for (const columns of [80, 120])
    test(`from a terminal of ${columns} columns to a photo in the browser`, async () => {
      rmSync(join(place, 'runs'), { recursive: true, force: true });
      const environment = { INSTAR_CACHE: join(place, 'cache') };
      const screen = await inTerminal([process.execPath, main, 'search', './photos', ...tiny], {
        cwd: place,
        columns,
        environment,
      });
      assert.match(screen, /best\.onnx/);
      const run = basename(onlyRun(place));
      const answer = await tryInBrowser(join(place, 'runs'), run, join(place, 'photos', 'amber', '0.png'));
      assert.ok(['amber', 'blue', 'coral', 'green', 'violet'].includes(answer), answer);
    });
});

test('the Express example is 20 lines, without its first comment and empty lines', () => {
  const lines = readFileSync(server, 'utf8').split('\n');
  assert.ok(lines.filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length <= 20);
});
