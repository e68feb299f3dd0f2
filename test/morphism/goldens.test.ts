/** One network before and after each operator, as a person reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printNetwork } from '../../src/network/print.ts';
import type { Network } from '../../src/network/network.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { applyToNetwork } from '../../src/morphism/apply.ts';
import type { Edit } from '../../src/morphism/edit.ts';
import { describeEdit } from '../../src/morphism/operators.ts';

const vanilla = vanillaNetwork({ channels: 3, height: 8, width: 8 }, 10, [4, 6]);

function applied(network: Network, ...edits: readonly Edit[]): Network {
  return edits.reduce((current, edit) => {
    const next = applyToNetwork(current, edit);
    assert.ok(typeof next !== 'string', `${describeEdit(edit)}: ${String(next)}`);
    return next;
  }, network);
}

const separable: Edit = { kind: 'insert-separable', after: 3, kernel: 3 };

const goldens: readonly (readonly [edits: readonly Edit[], described: string, printed: string])[] = [
  [
    [{ kind: 'insert-convolution', after: 4, kernel: 5 }],
    'insert conv 5×5 after 4',
    `
 0  image                  3×8×8
 1  conv 3×3               4×8×8   112
 2  batch norm             4×8×8     8
 3  relu                   4×8×8
 4  max pool 2×2           4×4×4
10  conv 5×5               4×4×4   404
11  batch norm             4×4×4     8
12  relu                   4×4×4
 5  conv 3×3               6×4×4   222
 6  batch norm             6×4×4    12
 7  relu                   6×4×4
 8  global average pool    6×1×1
 9  dense 10               10×1×1   70
`,
  ],
  [
    [separable],
    'insert separable 3×3 after 3',
    `
 0  image                  3×8×8
 1  conv 3×3               4×8×8   112
 2  batch norm             4×8×8     8
 3  relu                   4×8×8
10  depthwise 3×3          4×8×8    36
11  conv 1×1               4×8×8    20
12  batch norm             4×8×8     8
13  relu                   4×8×8
 4  max pool 2×2           4×4×4
 5  conv 3×3               6×4×4   222
 6  batch norm             6×4×4    12
 7  relu                   6×4×4
 8  global average pool    6×1×1
 9  dense 10               10×1×1   70
`,
  ],
  [
    [{ kind: 'alter-channels', node: 1, factor: 2 }],
    'widen 1 ×2',
    `
0  image                  3×8×8
1  conv 3×3               8×8×8   224
2  batch norm             8×8×8    16
3  relu                   8×8×8
4  max pool 2×2           8×4×4
5  conv 3×3               6×4×4   438
6  batch norm             6×4×4    12
7  relu                   6×4×4
8  global average pool    6×1×1
9  dense 10               10×1×1   70
`,
  ],
  [
    [separable, { kind: 'alter-channels', node: 11, factor: 2 }],
    'insert separable 3×3 after 3, then widen 11 ×2',
    `
 0  image                  3×8×8
 1  conv 3×3               4×8×8   112
 2  batch norm             4×8×8     8
 3  relu                   4×8×8
10  depthwise 3×3          4×8×8    36
11  conv 1×1               8×8×8    40
12  batch norm             8×8×8    16
13  relu                   8×8×8
 4  max pool 2×2           8×4×4
 5  conv 3×3               6×4×4   438
 6  batch norm             6×4×4    12
 7  relu                   6×4×4
 8  global average pool    6×1×1
 9  dense 10               10×1×1   70
`,
  ],
  [
    [separable, { kind: 'alter-channels', node: 1, factor: 2 }],
    'insert separable 3×3 after 3, then widen 1 ×2',
    `
 0  image                  3×8×8
 1  conv 3×3               8×8×8   224
 2  batch norm             8×8×8    16
 3  relu                   8×8×8
10  depthwise 3×3          8×8×8    72
11  conv 1×1               4×8×8    36
12  batch norm             4×8×8     8
13  relu                   4×8×8
 4  max pool 2×2           4×4×4
 5  conv 3×3               6×4×4   222
 6  batch norm             6×4×4    12
 7  relu                   6×4×4
 8  global average pool    6×1×1
 9  dense 10               10×1×1   70
`,
  ],
  [
    [separable, { kind: 'split', node: 13, alpha: 0.3 }],
    'insert separable 3×3 after 3, then split 13 at 0.3',
    `
 0  image                          3×8×8
 1  conv 3×3                       4×8×8   112
 2  batch norm                     4×8×8     8
 3  relu                           4×8×8
10  depthwise 3×3                  4×8×8    36
11  conv 1×1                       4×8×8    20
12  batch norm                     4×8×8     8
13  relu                           4×8×8
14  depthwise 3×3        ← 3       4×8×8    36
15  conv 1×1                       4×8×8    20
16  batch norm                     4×8×8     8
17  relu                           4×8×8
18  add                  ← 13, 17  4×8×8
 4  max pool 2×2                   4×4×4
 5  conv 3×3                       6×4×4   222
 6  batch norm                     6×4×4    12
 7  relu                           6×4×4
 8  global average pool            6×1×1
 9  dense 10                       10×1×1   70
`,
  ],
  [
    [{ kind: 'split', node: 3, alpha: 0.3 }],
    'split 3 at 0.3',
    `
 0  image                         3×8×8
 1  conv 3×3                      4×8×8   112
 2  batch norm                    4×8×8     8
 3  relu                          4×8×8
10  conv 3×3             ← 0      4×8×8   112
11  batch norm                    4×8×8     8
12  relu                          4×8×8
13  add                  ← 3, 12  4×8×8
 4  max pool 2×2                  4×4×4
 5  conv 3×3                      6×4×4   222
 6  batch norm                    6×4×4    12
 7  relu                          6×4×4
 8  global average pool           6×1×1
 9  dense 10                      10×1×1   70
`,
  ],
  [
    [
      { kind: 'split', node: 3, alpha: 0.3 },
      { kind: 'alter-channels', node: 10, factor: 4 },
    ],
    'split 3 at 0.3, then widen 10 ×4',
    `
 0  image                         3×8×8
 1  conv 3×3                      16×8×8  448
 2  batch norm                    16×8×8   32
 3  relu                          16×8×8
10  conv 3×3             ← 0      16×8×8  448
11  batch norm                    16×8×8   32
12  relu                          16×8×8
13  add                  ← 3, 12  16×8×8
 4  max pool 2×2                  16×4×4
 5  conv 3×3                      6×4×4   870
 6  batch norm                    6×4×4    12
 7  relu                          6×4×4
 8  global average pool           6×1×1
 9  dense 10                      10×1×1   70
`,
  ],
  [
    [
      { kind: 'insert-separable', after: 4, kernel: 3 },
      { kind: 'merge-convex', first: 13, second: 3, factor: 2 },
    ],
    'insert separable 3×3 after 4, then mix 13 with 3 pooled by 2',
    `
 0  image                          3×8×8
 1  conv 3×3                       4×8×8   112
 2  batch norm                     4×8×8     8
 3  relu                           4×8×8
 4  max pool 2×2                   4×4×4
10  depthwise 3×3                  4×4×4    36
11  conv 1×1                       4×4×4    20
12  batch norm                     4×4×4     8
13  relu                           4×4×4
14  max pool 2×2         ← 3       4×4×4
15  convex               ← 13, 14  4×4×4     1
 5  conv 3×3                       6×4×4   222
 6  batch norm                     6×4×4    12
 7  relu                           6×4×4
 8  global average pool            6×1×1
 9  dense 10                       10×1×1   70
`,
  ],
  [
    [{ kind: 'merge-concat', first: 7, second: 3, factor: 2 }],
    'stack 7 with 3 pooled by 2',
    `
 0  image                         3×8×8
 1  conv 3×3                      4×8×8   112
 2  batch norm                    4×8×8     8
 3  relu                          4×8×8
 4  max pool 2×2                  4×4×4
 5  conv 3×3                      6×4×4   222
 6  batch norm                    6×4×4    12
 7  relu                          6×4×4
10  max pool 2×2         ← 3      4×4×4
11  concat               ← 7, 10  10×4×4
 8  global average pool           10×1×1
 9  dense 10                      10×1×1  110
`,
  ],
];

test('the network before', () => {
  assert.equal(
    printNetwork(vanilla),
    `
0  image                  3×8×8
1  conv 3×3               4×8×8   112
2  batch norm             4×8×8     8
3  relu                   4×8×8
4  max pool 2×2           4×4×4
5  conv 3×3               6×4×4   222
6  batch norm             6×4×4    12
7  relu                   6×4×4
8  global average pool    6×1×1
9  dense 10               10×1×1   70
`.slice(1, -1),
  );
});

for (const [edits, described, printed] of goldens)
  test(described, () => {
    assert.equal(edits.map(describeEdit).join(', then '), described);
    assert.equal(printNetwork(applied(vanilla, ...edits)), printed.slice(1, -1));
  });
