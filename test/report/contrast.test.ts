/** Numbers in the cells of a confusion matrix can be read on every shade, in the light and in the dark (WCAG 2.2, 1.4.3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pageStyle } from '../../src/report/page-style.ts';
import { must } from '../../src/util/assert.ts';

type Colour = readonly number[];

const hexadecimal = (text: string): Colour => {
  const digits = text.length === 3 ? [...text].map((digit) => digit + digit) : (text.match(/../g) ?? []);
  return digits.map((each) => Number.parseInt(each, 16));
};

/** Relative luminance, and the contrast of two colours, as WCAG defines them. */
function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
function contrast(a: Colour, b: Colour): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].toSorted((one, other) => one - other);
  return (light + 0.05) / (dark + 0.05);
}

test('every shade with its text, 4.5 : 1 at least', () => {
  const found = (pattern: RegExp): readonly string[] => [...pageStyle.matchAll(pattern)].map((match) => must(match[1], 'value'));
  const papers = found(/--paper:#(\w+)/g).map(hexadecimal);
  const inks = found(/--ink:#(\w+)/g).map(hexadecimal);
  const heats = found(/--heat:([\d ]+)/g).map((text) => text.split(' ').map(Number));
  const others = found(/\.h8,\.h9\{color:#(\w+)\}/g).map(hexadecimal);
  const shades = found(/\.h\d\{background:rgb\(var\(--heat\)\/(\d+)%\)\}/g).map(Number);
  assert.deepEqual([papers.length, inks.length, heats.length, others.length, shades.length], [2, 2, 2, 2, 9]);
  for (const scheme of [0, 1])
    for (const [index, percent] of shades.entries()) {
      const paper = papers[scheme] as Colour;
      const cell = paper.map((value, part) => value + ((heats[scheme]?.[part] ?? 0) - value) * (percent / 100));
      const text = (index >= 7 ? others[scheme] : inks[scheme]) as Colour;
      assert.ok(contrast(cell, text) >= 4.5, `shade ${index + 1}: ${contrast(cell, text).toFixed(2)}`);
    }
});
