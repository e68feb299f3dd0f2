/** The whole page: what it says of runs in every condition, and that nothing in it can be anything but text. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Mistakes } from '../../src/report/mistakes.ts';
import { policyHash } from '../../src/report/document.ts';
import { reportPage } from '../../src/report/page.ts';
import { pageScript } from '../../src/report/page-script.ts';
import { pageStyle } from '../../src/report/page-style.ts';
import { resultOf } from '../../src/report/result.ts';
import { detailsOf, type RunRead } from '../../src/report/run-details.ts';
import { replayEntry } from '../../src/run/record/replay.ts';
import { must } from '../../src/util/assert.ts';
import { grownRun } from './grown.ts';
import { hostile } from './hostile.ts';

const none: Mistakes = { kind: 'absent', reason: 'the decoded data (/cache/shapes.safetensors) is not there any more' };
const small = { steps: 2, children: 4, epochs: 24, mutations: 2 } as const;
const pageOf = (read: RunRead, mistakes: Mistakes = none): string => reportPage([{ read, mistakes }], '2026-01-02 03:04 UTC');

/** The page as it reads: a line a block, drawings by their words alone. */
const outline = (page: string): string =>
  page
    .replaceAll(/<(style|script)>[^]*?<\/\1>/g, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/<\/(\w+) >/g, '</$1>')
    .replaceAll(/<title>.*?<\/title>/g, '')
    .replaceAll(/<svg[^>]*aria-label="([^"]*)".*?<\/svg>/g, '\n[$1]\n')
    .replaceAll(/<(h\d)[^>]*>/g, (_all, name: string) => `\n\n${'#'.repeat(Number(name[1]))} `)
    .replaceAll(/<\/(th|td|dt)>/g, ' | ')
    .replaceAll(
      /<\/?(p|dl|div|section|article|figure|figcaption|table|caption|tr|li|details|summary|footer|pre|h\d)\b[^>]*>/g,
      '\n',
    )
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/ *\n[ \n]*/g, '\n')
    .replaceAll(/\n(?=#)/g, '\n\n')
    .trim();

test('the report of a small run, as it reads', () => {
  const golden = fileURLToPath(new URL('../../../test/report/small-run.txt', import.meta.url));
  const read = grownRun({ ...small, steps: 1, baseline: true });
  assert.equal(`${outline(pageOf(read))}\n`, readFileSync(golden, 'utf8'));
});

const textOf = (page: string): string => page.replaceAll(/<(style|script)>[^]*?<\/\1>/g, '');

test('names of classes, files and data stay text, wherever they stand', () => {
  const read = grownRun({ ...small, classes: hostile, name: hostile[0] ?? '' });
  const { config } = read;
  const [first = '', second = ''] = hostile;
  const strange: RunRead = {
    ...read,
    command: `instar search '${second}'`,
    config: {
      ...config,
      preset: second,
      platform: first,
      node: first,
      data: { ...config.data, name: second, reference: first, path: first },
      engine: { ...config.engine, version: first, instructionSet: second },
    },
  };
  const found: Mistakes = {
    kind: 'found',
    network: first,
    images: 10,
    all: 10,
    wrong: 1,
    trainedOn: false,
    judged: {
      part: 'test',
      all: 3,
      predictions: { classes: 2, labels: [0, 1, 1], logits: new Float32Array([2, 1, 0, 1, 3, 1]) },
    },
    shown: [
      {
        index: 1,
        label: first,
        predicted: second,
        confidence: 0.9,
        thumbnail: { data: 'data:image/png;base64,AA==', width: 64, height: 64 },
      },
    ],
  };
  for (const mistakes of [found, { kind: 'absent', reason: first } as const]) {
    const page = pageOf(strange, mistakes);
    const text = textOf(page);
    assert.equal(page.match(/<script/g)?.length, 1);
    assert.doesNotMatch(text, /<script|<img src=x|onerror=alert\(1\)>|<svg\/onload/);
    assert.ok(text.includes('&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;'));
    // No attribute is left open: within a tag, quotes come in pairs.
    for (const [tag] of text.matchAll(/<[a-z][^<>]*>/g)) assert.equal((tag.match(/"/g)?.length ?? 0) % 2, 0, tag);
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0008]/);
  }
});

test('the policy allows what is written in the page, and nothing from elsewhere', () => {
  const page = pageOf(grownRun(small));
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
  assert.match(policy, /^default-src 'none'; img-src data:; /);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  const [, style = ''] = /<style>([^]*?)<\/style>/.exec(page) ?? [];
  const [, script = ''] = /<script>([^]*?)<\/script>/.exec(page) ?? [];
  assert.deepEqual([style, script], [pageStyle, pageScript]);
  assert.ok(policy.includes(`style-src '${policyHash(style)}'`) && policy.includes(`script-src '${policyHash(script)}'`));
  assert.doesNotMatch(textOf(page), /\sstyle=|\son[a-z]+=|<link|<iframe|https?:/);
});

test('headings follow each other, ids are there once, links within the page lead somewhere', () => {
  const page = textOf(pageOf(grownRun(small)));
  const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
  assert.equal(levels.filter((level) => level === 1).length, 1, 'one run');
  levels.forEach((level, index) => assert.ok(level <= (levels[index - 1] ?? 0) + 1, `heading ${index} skips a level`));
  const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  assert.deepEqual(ids, [...new Set(ids)]);
  for (const [, target] of page.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(target ?? ''), `#${target}`);
  for (const [, label] of page.matchAll(/aria-labelledby="([^"]*)"/g)) assert.ok(ids.includes(label ?? ''), label);
  for (const [svg] of page.matchAll(/<svg[^>]*>/g)) assert.match(svg, /role="img"[^]*aria-label="[^"]+"|aria-label="[^"]+"/);
  for (const [table] of page.matchAll(/<table[^]*?<\/table>/g)) assert.match(table, /<caption>[^]*<th\s+scope="col"/);
});

test('what came of it: with its interval, with the baseline or the want of one, and no more', () => {
  const said = (read: RunRead): string => resultOf(detailsOf(read)).join(' ');
  assert.equal(
    said(grownRun({ ...small, baseline: true })),
    'Grown in 2 steps: test accuracy 94.4 % on 288 images (95 % interval 91.2 to 96.6 %; one test evaluation per network). ' +
      'The vanilla network, trained for the same epochs, has 90.4 %: 4.0 percentage points less, a difference that chance over the test images may explain. ' +
      'This is one run with one seed; a study shows how much seeds differ.',
  );
  assert.match(said(grownRun(small)), /No baseline was trained \(--baseline\)/);
  assert.match(
    said(grownRun({ ...small, until: 40 })),
    /^The best network so far is \S+: validation accuracy [\d.]+ % \(optimistic: the network was selected by it\)/,
  );
  assert.match(said(grownRun({ ...small, until: 2 })), /^There is no trained network yet\./);
  assert.match(said(grownRun({ ...small, method: 'vanilla' })), /^The vanilla network, trained further: test accuracy/);
  assert.match(
    said(grownRun({ ...small, steps: 0, until: 12 })),
    /^The best network so far is vanilla: validation accuracy [\d.]+ %\. The test set has not been used\.$/,
  );
  // Opened again with more time: what there is, and that the test set was read before.
  const ended = grownRun(small);
  const last = must(ended.entries.at(-1), 'end');
  assert.match(
    said({ ...ended, state: replayEntry(ended.state, { n: last.n + 1, t: last.t, at: last.at, type: 'reopened' }) }),
    /^The current parent is s2c\d: validation accuracy .*\. The test set was used once, before the search was extended, and not since\.$/,
  );
});

test('a run is reported wherever it stands, and the page says so', () => {
  const all = grownRun(small).entries.length;
  for (const until of [0, 1, 2, 3, 24, 30, 50, all - 40, all - 2]) {
    const page = pageOf(grownRun({ ...small, until }));
    assert.match(page, /The run is in progress: this is its state/);
    assert.doesNotMatch(textOf(page), /NaN|undefined|Infinity|\[object/, `after ${until} events`);
  }
  assert.match(pageOf({ ...grownRun({ ...small, until: 40 }), condition: 'interrupted' }), /The run was interrupted/);
});

test('a lost child, a torn journal, a resumption: told where they belong', () => {
  const read = grownRun({
    ...small,
    instead: (task) =>
      task.kind === 'training' && task.line === 's1c2'
        ? [{ type: 'failed', line: 's1c2', task: task.id, failure: 'diverged', message: 'the loss is <NaN>', retried: false }]
        : null,
  });
  const resumed = { n: read.entries.length, t: 9, at: '2026-01-02T03:04:05.000Z', type: 'resumed', cut: 3, mixed: true } as const;
  const text = textOf(pageOf({ ...read, torn: 7, entries: [...read.entries, resumed] }));
  assert.match(text, /<span class="bad">lost: diverged: the loss is &lt;NaN&gt;<\/span>/);
  assert.match(text, /1 failed task/);
  assert.match(text, /1 time, of which 1 on another engine, processor or Node/);
  assert.match(text, /incomplete last line<\/dt>\s*<dd>7 bytes/);
});

test('five steps of eight children, and several runs on one page, are under 3 MB', () => {
  const read = grownRun();
  const page = pageOf(read);
  assert.ok(Buffer.byteLength(page) < 3e6, `${Buffer.byteLength(page)} bytes`);
  assert.equal(page.match(/<tbody[^>]*id="r1-s\dc\d"/g)?.length, 40);
  const two = reportPage(
    [
      { read, mistakes: none },
      { read: grownRun({ ...small, name: 'other' }), mistakes: none },
    ],
    'today',
  );
  assert.ok(Buffer.byteLength(two) < 3e6);
  assert.match(two, /<h1>2 runs<\/h1>/);
  const ids = [...textOf(two).matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  assert.equal(ids.length, new Set(ids).size);
});
