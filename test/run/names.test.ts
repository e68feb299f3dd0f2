/** A given network is called by its file's name; other start networks, and ids, stay as they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/run/record/config.ts';
import { lastPart, shownName, startPhrase, withShownName } from '../../src/run/display/names.ts';
import { emptyState } from '../../src/search/state.ts';

const from = (reference: string): Pick<Config, 'from'> => ({
  from: { reference, checkpoint: '', imageSize: null, normalises: false, compared: null },
});

test('the name of the file, without its folder, of a run that of its folder', () => {
  assert.equal(lastPart('models/net.onnx'), 'net.onnx');
  assert.equal(lastPart('net.onnx'), 'net.onnx');
  assert.equal(lastPart('runs/first/'), 'first');
  assert.equal(lastPart('/'), '/');
  assert.equal(shownName(from('a/b/net.onnx'), 'vanilla'), 'net.onnx');
  assert.equal(shownName(from('a/b/net.onnx'), 's1c2'), 's1c2');
  assert.equal(shownName({ from: null }, 'vanilla'), 'vanilla');
  assert.equal(startPhrase(from('net.onnx'), emptyState), 'given network net.onnx');
  assert.equal(startPhrase({ from: null }, emptyState), 'vanilla network');
});

test('what a terminal would obey is shown as ?', () => {
  assert.equal(shownName(from('a/\u001b[31mred\u202e.onnx'), 'vanilla'), '?[31mred?.onnx');
  // A name is text, not a pattern of a replacement.
  assert.equal(withShownName(from('$&$1.onnx'), 'vanilla failed: disk'), '$&$1.onnx failed: disk');
});

test('only an id at the beginning is replaced', () => {
  const config = from('net.onnx');
  assert.equal(withShownName(config, 'vanilla lost: x'), 'net.onnx lost: x');
  for (const other of ['vanillas', 'vanilla.epochs', 's1c1 failed beside vanilla'])
    assert.equal(withShownName(config, other), other);
});
