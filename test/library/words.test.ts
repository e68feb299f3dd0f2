/** The library says what is wrong at the call, and in its own words: names of its options and settings, no flags of the command line. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as instar from '../../src/index.ts';
import { checkOptions } from '../../src/options/check.ts';
import { commandOptions } from '../../src/options/commands.ts';
import { inLibraryWords, libraryError, libraryName, type LibraryCall } from '../../src/options/library-words.ts';
import { flagOf, type Options } from '../../src/options/option.ts';
import { planOptions, queueOptions, runOptions } from '../../src/options/table.ts';
import { settingNames } from '../../src/search/setting-names.ts';
import { RunError, UserError } from '../../src/util/user-error.ts';

const nowhere = '/nowhere/at/all';
const source = fileURLToPath(new URL('../../../src/', import.meta.url));

const rowsOf: Readonly<Record<LibraryCall, Options>> = {
  search: { ...planOptions, ...runOptions },
  resume: commandOptions.resume,
  model: { ...commandOptions.predict, ...commandOptions.evaluate },
  export: commandOptions.export,
  report: commandOptions.report,
};

for (const [call, rows] of Object.entries(rowsOf) as [LibraryCall, Options][])
  test(`${call}: every row of the table has a name in the library, and is said by it`, () => {
    for (const [key, row] of Object.entries(rows)) {
      const name = call === 'resume' && key in queueOptions && key !== 'mixed' ? `elsewhere.${key}` : libraryName(key, row);
      const said = inLibraryWords(call, `${flagOf(key)} 5: is too small, give ${flagOf(key)}`);
      assert.equal(said, `${name} 5: is too small, give ${name}`);
    }
  });

test('names of the search are those that its checks know', () => {
  for (const [key, row] of Object.entries(rowsOf.search)) {
    const name = libraryName(key, row);
    if (row.settings === undefined) {
      assert.throws(() => checkOptions({ [name]: Symbol('x') }, rowsOf.search), {
        code: 'INSTAR_WRONG_OPTION',
        message: new RegExp(`^${name}: `),
      });
    } else
      for (const each of name.split(' and ').filter((setting) => setting !== 'settings'))
        assert.ok(settingNames.includes(each.replace(/^settings\./, '')), each);
  }
});

test('flags of the queue are parts of elsewhere', () =>
  assert.equal(inLibraryWords('search', '--queue and --store'), 'elsewhere.queue and elsewhere.store'));

test('what is inside a path, and what is no flag, stays', () => {
  for (const message of ['photos/--budget: no such folder', 'a--budget', '5 -- 6', '--nothing-of-ours', 'x.--data'])
    assert.equal(inLibraryWords('search', message), message);
});

test('an error keeps its kind, its code and its cause', () => {
  const wrong = new UserError('--max-params 5: too few', 'INSTAR_WRONG_OPTION');
  const said = libraryError('search', wrong) as UserError;
  assert.ok(said instanceof UserError);
  assert.deepEqual([said.message, said.code, said.cause], ['settings.limits.parameters 5: too few', wrong.code, wrong]);
  assert.ok(libraryError('search', new RunError('--budget')) instanceof RunError);
  for (const other of [new UserError('no flag'), new Error('--budget'), '--budget', null])
    assert.equal(libraryError('search', other), other);
});

/** Of commands alone: no call of the library comes to these. */
const ofCommands = ['cli', 'web', 'study', 'site'];
test('every flag that a message outside the commands names has a name in the library', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !ofCommands.includes(path.split('/')[0] ?? ''));
  assert.ok(files.length > 100);
  let found = 0;
  for (const file of files) {
    const text = readFileSync(join(source, file), 'utf8');
    for (const [, message = ''] of text.matchAll(/new (?:User|Run)Error\(\s*(?:[`'"])([^\n]*)/g)) {
      const flags = message.match(/(?<![\w/.-])--[a-z][a-z-]*/g) ?? [];
      found += flags.length;
      for (const flag of flags) assert.ok(inLibraryWords('search', flag) !== flag, `${file}: ${flag} of ${message}`);
    }
  }
  assert.ok(found > 50, String(found));
});

test('an option that is wrong is thrown by the call, before an item is asked for', () => {
  for (const call of [
    () => instar.search({ dataset: nowhere, bugdet: '1m' } as never),
    () => instar.search({ dataset: nowhere, budget: 'soon' }),
    () => instar.search({ dataset: nowhere, settings: { method: 'nassh' } } as never),
    () => instar.search({} as never),
    () => instar.resume(nowhere, { budget: '-' }),
    () => instar.resume(5 as never),
  ])
    assert.throws(call, UserError);
});

test('what is right begins nothing until an item is asked for', async () => {
  const items = instar.search({ dataset: nowhere });
  assert.equal(typeof items[Symbol.asyncIterator], 'function');
  await items.return(undefined);
  assert.deepEqual(await items.next(), { value: undefined, done: true });
});

test('failures of deeper rooms come in the words of the library', async () => {
  const failing = async (act: () => Promise<unknown>): Promise<string> => {
    const error = await act().then(
      () => assert.fail('it did not fail'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof UserError, String(error));
    assert.ok(!/(?:^|\s)--[a-z]/.test(error.message), error.message);
    return error.message;
  };
  const both = await failing(() => instar.search({ dataset: nowhere, vanilla: nowhere, from: `${nowhere}.onnx` }).next());
  assert.match(both, /^vanilla and from both give the start network/);
  assert.throws(() => instar.search({ dataset: nowhere, from: 'x.onnx', settings: { widths: [8] } }), {
    message: 'settings.widths are those of the vanilla network, which from replaces',
  });
  await failing(() => instar.plan({ dataset: 'mnist', dataFolder: nowhere }));
});
