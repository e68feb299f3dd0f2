/** The studies in results/ give the same tables, figures and configurations when they are made again from their runs. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, cpSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeStudyResults } from '../../src/cli/study-files.ts';
import { pretend } from '../cli/fixtures.ts';

const results = fileURLToPath(new URL('../../../results/', import.meta.url));

const filesIn = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(tables|figures)[/\\].*\.\w+$|^tables\.md$|^configurations\.yaml$/.test(path))
    .toSorted();

for (const name of ['table-1', 'table-2-small'])
  describe(`results/${name}`, () => {
    const committed = join(results, name);
    let made: string;
    before(async () => {
      made = mkdtempSync(join(tmpdir(), 'instar-results-'));
      cpSync(join(committed, 'runs'), made, { recursive: true });
      cpSync(join(committed, 'study.yaml'), join(made, 'study.yaml'));
      await writeStudyResults(made, pretend().io);
    });
    after(() => rmSync(made, { recursive: true, force: true }));

    test('the same files', () => assert.deepEqual(filesIn(made), filesIn(committed)));
    test('each is the same', () => {
      for (const file of filesIn(committed)) {
        const [own, theirs] = [made, committed].map((root) => readFileSync(join(root, file), 'utf8'));
        assert.equal(own, theirs, file);
      }
    });
  });
