/**
 * A network that Instar grew, run in the browser by ONNX Runtime Web. The file takes raw pixels and gives probabilities:
 *
 *     images, uint8 (N, height, width, channels)  ─▶  logits and probabilities, float (N, classes)
 *
 * so all that is left to do here is to draw an image at the network's size.
 */
import * as ort from './ort.wasm.bundle.min.mjs';

// One thread works on every server; more need the headers of cross-origin isolation.
ort.env.wasm.numThreads = 1;

/**
 * The fields of a protobuf message that hold bytes, as [number, bytes] in the file's order. An .onnx file is one such message,
 * and ONNX Runtime does not show JavaScript what it says of itself.
 */
function* bytesFields(message) {
  let at = 0;
  const varint = () => {
    for (let value = 0, scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error('it is no ONNX file, or it is cut short');
  };
  while (at < message.length) {
    const tag = varint();
    const type = tag % 8;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      if (length > message.length - at) throw new Error('it is no ONNX file, or it is cut short');
      yield [Math.floor(tag / 8), message.subarray(at, (at += length))];
    } else throw new Error('it is no ONNX file');
  }
}

/** ModelProto.metadata_props (field 14): messages of a key (1) and a value (2). */
function metadataOf(file) {
  const text = new TextDecoder();
  const metadata = new Map();
  for (const [field, entry] of bytesFields(file)) {
    if (field !== 14) continue;
    const strings = new Map(bytesFields(entry));
    metadata.set(text.decode(strings.get(1)), text.decode(strings.get(2)));
  }
  return metadata;
}

/** From the bytes of an .onnx file. */
async function openNetwork(file) {
  const metadata = metadataOf(file);
  if (!metadata.has('classes')) throw new Error('it has no class names, so Instar did not export it');
  const [height, width, channels] = ['height', 'width', 'channels'].map((key) => Number(metadata.get(key)));
  const session = await ort.InferenceSession.create(file);
  return { session, classes: JSON.parse(metadata.get('classes')), height, width, channels, metadata };
}

/** The image on a canvas, as Instar brings images to one size: it covers all, is cut to its centre, and lies on black. */
function draw(canvas, image) {
  const { width, height } = canvas;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const scale = Math.max(width / image.width, height / image.height);
  context.fillStyle = 'black';
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(
    image,
    (width - scale * image.width) / 2,
    (height - scale * image.height) / 2,
    scale * image.width,
    scale * image.height,
  );
  return context.getImageData(0, 0, width, height);
}

/** Row by row, a pixel's channels beside each other: as a canvas has them, without its fourth, or as one grey (Rec. 601). */
function pixelsOf({ data }, channels) {
  const pixels = new Uint8Array((data.length / 4) * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const [red, green, blue] = data.subarray(from, from + 3);
    if (channels === 1) pixels[to++] = Math.floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
    else for (const value of [red, green, blue]) pixels[to++] = value;
  }
  return pixels;
}

/** The probability of each class. */
async function classify({ session, height, width, channels }, pixels) {
  const images = new ort.Tensor('uint8', pixels, [1, height, width, channels]);
  const { probabilities } = await session.run({ images });
  return [...probabilities.data];
}

/* The page. */

const element = (id) => document.getElementById(id);
let network;
let image;

function showNetwork() {
  const { classes, height, width, channels, metadata } = network;
  const parts = [`${width} × ${height} pixels, ${channels === 1 ? 'grey' : 'colour'}`, `${classes.length} classes`];
  if (metadata.has('parameters')) parts.push(`${Number(metadata.get('parameters')).toLocaleString('en')} parameters`);
  element('about').textContent = `${metadata.get('dataset') ?? 'A network'}: ${parts.join(', ')}.`;
}

async function showImage() {
  const canvas = element('pixels');
  Object.assign(canvas, { width: network.width, height: network.height });
  element('picture').height = Math.round((480 * network.height) / network.width);
  draw(element('picture'), image.bitmap);
  const pixels = pixelsOf(draw(canvas, image.bitmap), network.channels);
  const begin = performance.now();
  const probabilities = await classify(network, pixels);
  element('name').textContent = image.name;
  element('duration').textContent = `Computed here in ${(performance.now() - begin).toFixed(1)} ms.`;
  const rows = network.classes.map((name, index) => ({ name, probability: probabilities[index] }));
  element('bars').replaceChildren(...rows.toSorted((a, b) => b.probability - a.probability).map(bar));
  element('pictures').hidden = element('result').hidden = false;
}

function bar({ name, probability }) {
  const row = document.createElement('li');
  row.style.setProperty('--share', probability);
  const label = document.createElement('span');
  label.textContent = name;
  const value = document.createElement('data');
  value.value = probability;
  value.textContent = `${(100 * probability).toFixed(1)} %`;
  row.append(label, value);
  return row;
}

let last = Promise.resolve();

/** Does it, once what came before is done, and says what went wrong. */
function attempt(what, action) {
  last = last.then(async () => {
    element('problem').textContent = '';
    try {
      await action();
    } catch (error) {
      element('problem').textContent = `${what}: ${error.message}`;
    }
  });
}

/** An image, or another network. */
function take(file) {
  attempt(file.name, async () => {
    if (file.name.endsWith('.onnx')) {
      network = await openNetwork(new Uint8Array(await file.arrayBuffer()));
      showNetwork();
    } else {
      // Turned as the camera says, in sRGB.
      const bitmap = await createImageBitmap(file).catch(() => {
        throw new Error('it is no image that this browser can read');
      });
      image = { name: file.name, bitmap };
    }
    if (network !== undefined && image !== undefined) await showImage();
  });
}

element('file').addEventListener('change', ({ target }) => {
  const [file] = target.files;
  if (file !== undefined) take(file);
  target.value = ''; // So that the same file can be chosen again.
});
addEventListener('dragover', (event) => {
  event.preventDefault();
  document.body.classList.add('dropping');
});
addEventListener('dragleave', () => document.body.classList.remove('dropping'));
addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  const [file] = event.dataTransfer.files;
  if (file !== undefined) take(file);
});

attempt('model.onnx', async () => {
  const answer = await fetch('model.onnx');
  if (!answer.ok) throw new Error('it is not beside this page; choose or drop an .onnx file that Instar exported');
  network = await openNetwork(new Uint8Array(await answer.arrayBuffer()));
  showNetwork();
});
