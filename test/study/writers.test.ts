/** Tables as Markdown, LaTeX and CSV: as they read, and whatever their names hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatFixed, formatProbability, formatSigned, type Cell, type Table } from '../../src/study/table.ts';
import { csvTable, escapeLatex, escapeMarkdown, latexTable, markdownTable } from '../../src/study/writers.ts';

const small: Table = {
  name: 'small',
  title: 'Table 9',
  caption: 'Two methods & 100 %',
  scale: 'of a_b.',
  columns: [
    { kind: 'text', title: 'method' },
    { kind: 'tick', title: 'mixup' },
    { kind: 'spread', title: 'accuracy, %', digits: 2 },
    { kind: 'interval', title: 'interval', digits: 1 },
    { kind: 'signed', title: 't', digits: 1 },
    { kind: 'probability', title: 'p' },
    { kind: 'number', title: 'parameters', digits: 0 },
  ],
  groups: [
    {
      title: null,
      rows: [
        ['a|b_c, "d"', true, { mean: 94.638, deviation: 0.384 }, [-0.31, 2], 1.25, 0.00002, 1234567],
        ['[x](y)', false, { mean: 90, deviation: null }, null, -0.04, 0.25, null],
      ],
    },
    { title: 'as published', rows: [['SH', null, { mean: 94.57, deviation: 0.1, digits: 1 }, null, null, 1, 0]] },
  ],
  notes: ['One note: 5 < 6.'],
};

test('as Markdown', () => {
  assert.equal(
    markdownTable(small),
    String.raw`**Table 9.** Two methods \& 100 % of a\_b.

| method | mixup | accuracy, % | interval | t | p | parameters |
| :--- | :---: | ---: | ---: | ---: | ---: | ---: |
| a\|b\_c, "d" | ✓ | 94.64 ± 0.38 | −0.3 to 2.0 | +1.3 | \< 0.001 | 1,234,567 |
| \[x\](y) | × | 90.00 | – | 0.0 | 0.250 | – |
| *as published* |  |  |  |  |  |  |
| SH | – | 94.6 ± 0.1 | – | – | 1.000 | 0 |

One note: 5 \< 6.
`,
  );
});

test('as LaTeX, without a package', () => {
  assert.equal(
    latexTable(small),
    String.raw`\begin{table}
\centering
\caption{Two methods \& 100 \% of a\_b.}
\label{tab:small}
\footnotesize\setlength{\tabcolsep}{3pt}
\begin{tabular}{lcrrrrr}
\hline
method & mixup & accuracy, \% & interval & t & p & parameters \\
\hline
a$|$b\_c, ''d'' & $\surd$ & 94.64 $\pm$ 0.38 & $-$0.3 to 2.0 & +1.3 & $<$ 0.001 & 1,234,567 \\
{}[x](y) & $\times$ & 90.00 & -- & 0.0 & 0.250 & -- \\
\hline
\multicolumn{7}{l}{\emph{as published}} \\
SH & -- & 94.6 $\pm$ 0.1 & -- & -- & 1.000 & 0 \\
\hline
\end{tabular}

\smallskip One note: 5 $<$ 6.
\end{table}
`,
  );
});

test('as CSV: full values, a column for each part', () => {
  assert.equal(
    csvTable(small),
    [
      'group,method,mixup,"accuracy, % mean","accuracy, % std",interval low,interval high,t,p,parameters',
      ',"a|b_c, ""d""",yes,94.638,0.384,-0.31,2,1.25,0.00002,1234567',
      ',[x](y),no,90,,,,-0.04,0.25,',
      'as published,SH,,94.57,0.1,,,,1,0',
      '',
    ].join('\r\n'),
  );
});

test('numbers: never −0, a sign where it is wanted, p never 0', () => {
  assert.deepEqual([-0.004, 0, -1.005, 1234.5].map((value) => formatFixed(value, 2)).join(' '), '0.00 0.00 −1.01 1,234.50');
  assert.deepEqual([-0.04, 0.04, 0.06, -2].map((value) => formatSigned(value, 1)).join(' '), '0.0 0.0 +0.1 −2.0');
  assert.deepEqual([0, 0.00099, 0.001, 0.05, 1].map(formatProbability).join(' '), '< 0.001 < 0.001 0.001 0.050 1.000');
});

const name = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc
    .array(fc.constantFrom(...'\\~^{}$&%#_|<>[]*`"\'\n\r,;:/@-+=1.) ab', '±', '−', '✓', 'www.', '--'), { maxLength: 16 })
    .map((parts) => parts.join('')),
);

const withNames = (names: readonly string[]): Table => ({
  ...small,
  caption: names[0] ?? '',
  scale: names[1] ?? '',
  columns: [
    { kind: 'text', title: names[1] ?? '' },
    { kind: 'number', title: 'n', digits: 0 },
  ],
  groups: [{ title: names[2] ?? null, rows: names.map((each): readonly Cell[] => [each, 7]) }],
  notes: [...names],
});

const lines = (text: string): string => text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');

test('Markdown: every name comes back, and ends neither a cell nor a line', () => {
  fc.assert(
    fc.property(fc.array(name, { minLength: 3, maxLength: 5 }), (names) => {
      for (const each of names) {
        const escaped = escapeMarkdown(each);
        assert.equal(escaped.replaceAll(/\\([!-/:-@[-`{-~])/g, '$1'), lines(each));
        // What is escaped is a character, too: `:/\/` has no address in it.
        assert.doesNotMatch(escaped.replaceAll(/\\./gu, '.'), /[|`*_[\]<>#~&$]|:\/\//);
        assert.doesNotMatch(escaped, /^\s*([-+](\s|$)|---|=)|www\./);
      }
      const written = markdownTable(withNames(names)).split('\n');
      const rows = written.filter((line) => line.startsWith('| '));
      assert.equal(rows.length, 2 + 1 + names.length);
      for (const row of rows) assert.equal(row.replaceAll(/\\./gu, '').split('|').length, 4, row);
    }),
  );
});

test('LaTeX: a long title stands in lines, so that columns are as narrow as their values', () => {
  const columns: Table['columns'] = [
    { kind: 'text', title: 'method' },
    { kind: 'number', title: '95 % interval of [it] all', digits: 1 },
  ];
  const text = latexTable({ ...small, columns, groups: [] });
  assert.ok(text.includes(String.raw`method & \begin{tabular}[b]{@{}r@{}}95 \% interval\\of [it] all\end{tabular} \\`), text);
  const early = latexTable({ ...small, columns: [{ kind: 'text', title: 'a title that [is] long' }], groups: [] });
  assert.ok(early.includes(String.raw`a title that\\{}[is] long`), early);
});

test('LaTeX: no name has a character that acts, and cells stay apart', () => {
  fc.assert(
    fc.property(fc.array(name, { minLength: 3, maxLength: 5 }), (names) => {
      for (const each of names) {
        const bare = escapeLatex(each)
          .replaceAll(/\\[&%$#_{}]/g, '')
          .replaceAll(/\$(?:\\[a-z]+|[-<>|])\$/gi, '')
          .replaceAll(/\\text(?:backslash|asciitilde|asciicircum|asciigrave)\{\}|-\{\}/g, '');
        assert.doesNotMatch(bare, /[\\~^&%$#_{}\n\r]/, each);
      }
      const written = latexTable(withNames(names));
      const rows = written.split('\n').filter((line) => line.endsWith(' & 7 \\\\'));
      assert.equal(rows.length, names.length);
      for (const row of rows) assert.equal(row.replaceAll('\\&', '').split('&').length, 2, row);
    }),
  );
});

/** RFC 4180, as another program would read it. */
function readCsv(text: string): string[][] {
  const records: string[][] = [];
  let [record, field, quoted]: [string[], string, boolean] = [[], '', false];
  for (let at = 0; at < text.length; at++) {
    const [character, next] = [text[at] as string, text[at + 1]];
    if (quoted) {
      if (character !== '"') field += character;
      else if (next === '"') {
        field += '"';
        at++;
      } else quoted = false;
    } else if (character === '"' && field === '') quoted = true;
    else if (character === ',' || (character === '\r' && next === '\n')) {
      record.push(field);
      field = '';
      if (character !== ',') {
        records.push(record);
        record = [];
        at++;
      }
    } else {
      assert.doesNotMatch(character, /["\r\n]/, 'only within quotes');
      field += character;
    }
  }
  assert.equal(record.length, 0, 'the last line ends');
  return records;
}

test('CSV: a reader of RFC 4180 gets every name as it was', () => {
  fc.assert(
    fc.property(fc.array(name, { minLength: 3, maxLength: 5 }), (names) => {
      const records = readCsv(csvTable(withNames(names)));
      assert.deepEqual(records, [['group', names[1], 'n'], ...names.map((each) => [names[2], each, '7'])]);
    }),
  );
});
