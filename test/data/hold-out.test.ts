import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { holdOut as holdOutRanked } from '../../src/data/hold-out.ts';
import { sha256 } from '../../src/util/hash.ts';

interface HashedImage {
  readonly label: number;
  readonly hash: string;
}

function holdOut(images: readonly HashedImage[], classes: number, share: number): boolean[] {
  const hashes = [...new Set(images.map(({ hash }) => hash))].toSorted();
  const [labels, ranks] = [images.map(({ label }) => label), images.map(({ hash }) => hashes.indexOf(hash))];
  return holdOutRanked(labels, ranks, classes, share);
}

const images: fc.Arbitrary<HashedImage[]> = fc
  .array(fc.record({ label: fc.nat({ max: 3 }), content: fc.nat({ max: 60 }) }), { minLength: 1, maxLength: 120 })
  .map((all) => all.map(({ label, content }) => ({ label, hash: sha256(String(content)) })));

test('one content stays on one side, and each class keeps an image', () => {
  fc.assert(
    fc.property(images, (all) => {
      const held = holdOut(all, 4, 0.15);
      const side = new Map<string, boolean>();
      all.forEach(({ hash }, index) => {
        assert.equal(side.get(hash) ?? held[index], held[index]);
        side.set(hash, held[index] as boolean);
      });
      for (const { label } of all) assert.ok(all.some((image, index) => image.label === label && !held[index]));
    }),
  );
});

function hashesHeld(all: readonly HashedImage[]): string[] {
  const held = holdOut(all, 4, 0.15);
  return all.filter((_, index) => held[index]).map(({ hash }) => hash);
}

test('the order of the images does not matter', () => {
  fc.assert(
    fc.property(images, fc.nat(), (all, turn) => {
      const at = turn % all.length;
      const turned = [...all.slice(at), ...all.slice(0, at)].toReversed();
      assert.deepEqual(hashesHeld(turned).toSorted(), hashesHeld(all).toSorted());
    }),
    { numRuns: 30 },
  );
});

test('of different images, each class gives its share, at least one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }), fc.nat(), (sizes, salt) => {
      const all = sizes.flatMap((size, label) =>
        Array.from({ length: size }, (_, at) => ({ label, hash: sha256(`${salt} ${label} ${at}`) })),
      );
      const held = holdOut(all, sizes.length, 0.15);
      const counts = sizes.map((_, label) => all.filter((image, index) => image.label === label && held[index]).length);
      assert.deepEqual(
        counts,
        sizes.map((size) => (size === 1 ? 0 : Math.max(1, Math.round(0.15 * size)))),
      );
    }),
  );
});

test('a class of few contents, each many times, still tests one', () => {
  const all = ['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'b'].map((text) => ({ label: 0, hash: sha256(text) }));
  assert.ok([4, 5].includes(holdOut(all, 1, 0.15).filter(Boolean).length));
});
