// Holds a network to what it must do, wherever its file comes from: MODEL=best.onnx IMAGES=./photos node --test network.test.mjs
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { after, before, test } from 'node:test';
import { evaluate, load } from 'instar';

const images = env.IMAGES ?? 'photos';
let model;
before(async () => {
  model = await load(env.MODEL ?? 'best.onnx');
});
after(() => model?.dispose());

test('it knows every class of the images', () => {
  for (const name of readdirSync(images)) assert.ok(model.classes.includes(name), name);
});

test('probabilities add up to 1', async () => {
  const [name] = readdirSync(images);
  const [file] = readdirSync(join(images, name));
  const classes = await model.predict(join(images, name, file));
  assert.ok(Math.abs(classes.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-4);
});

test('it is right about most images, of every class', async () => {
  const { balancedAccuracy, perClass } = await evaluate(model, images, { part: 'all' });
  assert.ok(balancedAccuracy > 0.5, `${balancedAccuracy}`);
  for (const { name, accuracy } of perClass) assert.ok(accuracy > 0.2, name);
});
