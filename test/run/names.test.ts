/** A given network is called by its file's name; other start networks, and ids, stay as they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/run/record/config.ts';
import { shownName, startPhrase, withShownName } from '../../src/run/display/names.ts';
import { emptyState } from '../../src/search/state.ts';
import { lastPart } from '../../src/util/file-address.ts';

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

test('of an address the name of the file alone', () => {
  const hash = `#sha256=${'0a'.repeat(32)}`;
  for (const [address, name] of [
    [`https://example.org/models/net%20v2.onnx?download=true${hash}`, 'net v2.onnx'],
    [`http://localhost:8000/net.onnx${hash}`, 'net.onnx'],
    [`https://example.org/${hash}`, 'example.org'],
    [`https://example.org/a%ff.onnx${hash}`, 'a%ff.onnx'],
  ] as const) {
    assert.equal(shownName(from(address), 'vanilla'), name);
    assert.equal(startPhrase(from(address), emptyState), `given network ${name}`);
  }
});

test('a file that is called like a candidate is not taken for one', () => {
  for (const name of ['final.onnx', 's1c1.onnx', 's12c3', 'baseline', 'Vanilla.safetensors'])
    assert.equal(shownName(from(`a/${name}`), 'vanilla'), `given ${name}`);
  assert.equal(withShownName(from('final.onnx'), 'vanilla failed'), 'given final.onnx failed');
  assert.equal(startPhrase(from('final.onnx'), emptyState), 'given network final.onnx');
  for (const name of ['finals.onnx', 's1c1-best.onnx', 'best.onnx', 'sc.onnx'])
    assert.equal(shownName(from(name), 'vanilla'), name);
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
