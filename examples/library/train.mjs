// Trains a network on a folder of images and asks it about one: node train.mjs ./photos cat.jpg '{ "budget": "30m" }'
import { argv } from 'node:process';
import { load, search } from 'instar';

const [, , photos, image, options = '{ "budget": "30m" }'] = argv;
const onData = (event) => event.kind === 'note' && console.log(event.message);
let folder;
for await (const item of search({ dataset: photos, onData, ...JSON.parse(options) })) {
  if (item.type === 'selected') console.log(`step ${item.step}: ${item.line} goes on`);
  if (item.type !== 'done') continue;
  folder = item.folder;
  console.log(`${folder}: ${(100 * (item.accuracy.test ?? 0)).toFixed(1)} % of the test images right`);
}

const model = await load(folder);
for (const { name, probability } of await model.predict(image, { top: 3 })) console.log(probability.toFixed(4), name);
await model.dispose();
