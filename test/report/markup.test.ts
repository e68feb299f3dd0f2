/** Whatever is put into a template is text: no name becomes a tag, an attribute or a broken file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { policyHash } from '../../src/report/document.ts';
import { attribute, escape, html, raw } from '../../src/report/markup.ts';

const entities: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
// oxlint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g;
const unescape = (text: string): string => text.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity);

test('escaped text has no character of markup left, and means what it said', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.doesNotMatch(escape(text), /[<>"']/);
      assert.doesNotMatch(escape(text).replaceAll(/&(?:amp|lt|gt|quot|#39);/g, ''), /&/);
      assert.equal(unescape(escape(text)), text.replaceAll(forbidden, '\ufffd'));
    }),
  );
});

test('what XML has no place for shows as U+FFFD', () => {
  assert.equal(escape('a\u0000b\ud800c\u001bd\u0085\uffff'), 'a\ufffdb\ufffdc\ufffdd\ufffd\ufffd');
  assert.equal(escape('tab\tnew\nline 😀 Kürbis'), 'tab\tnew\nline 😀 Kürbis');
});

test('a template escapes text, in content and in attributes, and keeps markup', () => {
  const name = `"><b onload='x'>&`;
  assert.equal(
    html`<p title="${name}">${name}${html`<i>${1}</i>`}</p>`.text,
    '<p title="&quot;&gt;&lt;b onload=&#39;x&#39;&gt;&amp;">&quot;&gt;&lt;b onload=&#39;x&#39;&gt;&amp;<i>1</i></p>',
  );
  assert.equal(html`<p>${null}${undefined}${false}${['<', [raw('<br>'), 2]]}</p>`.text, '<p>&lt;<br>2</p>');
  assert.equal(html`<p${attribute('id', 'a"b')}${attribute('lang', null)}>&amp;</p>`.text, '<p id="a&quot;b">&amp;</p>');
});

test('the indentation of a template is not kept, that of what is put into it is', () => {
  const inner = raw('a\n    b');
  // Under another name, so that no formatter lays it out anew.
  const written = html;
  assert.equal(
    written`<p>
      ${inner}
    </p>`.text,
    '<p>\na\n    b\n</p>',
  );
});

test('the hash of a policy is that of the bytes', () =>
  assert.equal(policyHash("alert('Hello, world.');"), 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='));
