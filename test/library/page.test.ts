/** The page of the interface is that of the declarations; what the compiler holds of the events. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { JournalEvent } from '../../src/library/events.ts';
import type { Entry } from '../../src/run/record/events.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What a schema gives, as an interface would say it. Networks are compared by name alone. */
type Plain<T> = T extends readonly (infer Element)[]
  ? readonly Plain<Element>[]
  : T extends object
    ? 'nodes' extends keyof T
      ? 'network'
      : { readonly [Key in keyof T]: Plain<T[Key]> }
    : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
// An event, or a field of one, that one side lacks does not compile.
const typesAreSame: {
  readonly [Type in JournalEvent['type']]: Same<
    Plain<Extract<Entry, { type: Type }>>,
    Plain<Extract<JournalEvent, { type: Type }>>
  >;
} & { readonly [Type in Entry['type']]: true } = {
  run: true,
  plan: true,
  extended: true,
  task: true,
  worker: true,
  exported: true,
  best: true,
  interrupted: true,
  resumed: true,
  vanilla: true,
  step: true,
  grown: true,
  epoch: true,
  failed: true,
  rung: true,
  promotion: true,
  selected: true,
  stop: true,
  slice: true,
  test: true,
  undone: true,
  finished: true,
  reopened: true,
};

test('docs/api.md is what npm run docs:api writes, and has every event', async () => {
  const { apiPage } = (await import(pathToFileURL(`${root}packaging/api-page.mjs`).href)) as { apiPage(): string };
  const page = readFileSync(`${root}docs/api.md`, 'utf8');
  assert.equal(page, apiPage(), 'npm run docs:api');
  for (const type of [...Object.keys(typesAreSame), 'begin', 'progress', 'done'])
    assert.ok(page.includes(`\`"${type}"\``) || page.includes(`\`'${type}'\``), type);
});
