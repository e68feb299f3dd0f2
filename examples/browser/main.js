/**
 * Runs a network that Instar grew in the browser, with ONNX Runtime Web. The network takes raw pixels and gives probabilities:
 *
 *     images, uint8 (N, height, width, channels)  ─▶  logits and probabilities, float (N, classes)
 *
 * This page only resizes an image to the network's size.
 */
import * as ort from './ort.wasm.bundle.min.mjs';

// One thread works with any server. More threads need the headers for cross-origin isolation.
ort.env.wasm.numThreads = 1;

/**
 * The fields of a protobuf message that hold bytes, as [number, bytes] in the order of the file. An .onnx file is such a message. It
 * is read here because ONNX Runtime does not give its metadata to JavaScript.
 */
function* bytesFields(message) {
  let at = 0;
  const varint = () => {
    for (let value = 0, scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error('not an ONNX file, or truncated');
  };
  while (at < message.length) {
    const tag = varint();
    const type = tag % 8;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      if (length > message.length - at) throw new Error('not an ONNX file, or truncated');
      yield [Math.floor(tag / 8), message.subarray(at, (at += length))];
    } else throw new Error('not an ONNX file');
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

/** Opens a network from the bytes of an .onnx file. */
async function openNetwork(file) {
  const metadata = metadataOf(file);
  if (!metadata.has('classes')) throw new Error('it has no class names, so Instar did not export it');
  const [height, width, channels] = ['height', 'width', 'channels'].map((key) => Number(metadata.get(key)));
  const session = await ort.InferenceSession.create(file);
  const fit = metadata.get('fit') ?? 'crop';
  const background = metadata.get('background') ?? '#ffffff';
  const classes = JSON.parse(metadata.get('classes'));
  const opened = { session, classes, height, width, channels, fit, background, metadata };
  // The first call is slower than those after it.
  await classify(opened, new Uint8Array(height * width * channels));
  return opened;
}

/**
 * Resamples the part of each RGBA row that starts at `from` and is `length` pixels long to `size` pixels (Lanczos, three lobes). The
 * result is transposed, so that two calls resample both axes.
 */
function resampleRows({ data, width, height }, from, length, size) {
  const result = new Float32Array(4 * size * height);
  const scale = length / size;
  const reach = 3 * Math.max(1, scale);
  for (let x = 0; x < size; x++) {
    const centre = from + (x + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(width - 1, Math.floor(centre + reach));
    const weights = Array.from({ length: last - first + 1 }, (_, i) => {
      const angle = (3 * Math.PI * (first + i - centre)) / reach;
      return angle === 0 ? 1 : (3 * Math.sin(angle) * Math.sin(angle / 3)) / angle ** 2;
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let y = 0; y < height; y++)
      for (let band = 0; band < 3; band++) {
        let sum = 0;
        for (let i = 0; i < weights.length; i++) sum += weights[i] * data[4 * (y * width + first + i) + band];
        result[4 * (x * height + y) + band] = sum / total;
      }
  }
  return { data: result, width: height, height: size };
}

/**
 * How an image of those sides becomes one of the network's: its size when it is scaled, and its place there; it is cropped to the
 * centre, padded with the colours of its edges, or stretched.
 */
function placed(image, { height, width, fit }) {
  const scales = [width / image.width, height / image.height];
  if (fit === 'stretch') return { width, height, left: 0, top: 0 };
  const scale = fit === 'pad' ? Math.min(...scales) : Math.max(...scales);
  const [wide, high] = [image.width, image.height].map((length) => Math.max(1, Math.round(scale * length)));
  return { width: wide, height: high, left: Math.floor((width - wide) / 2), top: Math.floor((height - high) / 2) };
}

/**
 * Brings an image to the network's size as Instar does: on the background, and fitted as the network's file says. The result is
 * row by row, (height, width, channels). The browser's drawImage would give blurrier images than those of the training.
 */
function pixelsOf(image, network) {
  const { height, width, channels, background } = network;
  // Very large images are first reduced by the browser.
  const shrink = Math.min(1, 1024 / Math.min(image.width, image.height));
  const canvas = new OffscreenCanvas(Math.round(shrink * image.width), Math.round(shrink * image.height));
  const context = canvas.getContext('2d', { alpha: false });
  context.fillStyle = background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);

  const place = placed(canvas, network);
  // Of an axis of so many pixels, which become `scaled`: where what is seen begins, its length, and what it becomes.
  const axis = (length, scaled, before, size) => {
    const kept = Math.min(scaled, size);
    return [(Math.max(0, -before) * length) / scaled, (kept * length) / scaled, kept];
  };
  const colours = context.getImageData(0, 0, canvas.width, canvas.height);
  const columns = resampleRows(colours, ...axis(canvas.width, place.width, place.left, width));
  const rows = resampleRows(columns, ...axis(canvas.height, place.height, place.top, height));

  const pixels = new Uint8Array(height * width * channels);
  // Beyond the image its edges are repeated.
  const within = (at, before, size) => Math.min(size - 1, Math.max(0, at - Math.max(0, before)));
  for (let at = 0; at < height * width; at++) {
    const y = within(Math.floor(at / width), place.top, rows.height);
    const from = 4 * (y * rows.width + within(at % width, place.left, rows.width));
    const [red, green, blue] = Uint8ClampedArray.from(rows.data.subarray(from, from + 3)); // Rounds.
    // One channel: luma after Rec. 601.
    if (channels === 1) pixels[at] = Math.floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
    else pixels.set([red, green, blue], 3 * at);
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
  const pixels = pixelsOf(image.bitmap, network);
  const begin = performance.now();
  const probabilities = await classify(network, pixels);
  const duration = performance.now() - begin;
  drawPicture(element('picture'), image.bitmap);
  drawPixels(element('pixels'), pixels);
  element('name').textContent = image.name;
  element('duration').textContent = `Computed here in ${duration.toFixed(1)} ms.`;
  const rows = network.classes.map((name, index) => ({ name, probability: probabilities[index] }));
  element('bars').replaceChildren(...rows.toSorted((a, b) => b.probability - a.probability).map(bar));
  element('pictures').hidden = element('result').hidden = false;
}

function drawPicture(canvas, bitmap) {
  const scale = Math.max(480 / network.width, 480 / network.height);
  Object.assign(canvas, { width: scale * network.width, height: scale * network.height });
  const { width, height, left, top } = placed(bitmap, { width: canvas.width, height: canvas.height, fit: network.fit });
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, left, top, width, height);
}

function drawPixels(canvas, pixels) {
  const { height, width, channels } = network;
  Object.assign(canvas, { width, height });
  const picture = new ImageData(width, height);
  for (let at = 0; at < height * width; at++) {
    const pixel = pixels.subarray(channels * at, channels * (at + 1));
    picture.data.set(channels === 1 ? [pixel[0], pixel[0], pixel[0], 255] : [...pixel, 255], 4 * at);
  }
  canvas.getContext('2d').putImageData(picture, 0, 0);
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

/** Runs an action after the previous ones, and shows its error. */
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
      // Rotated by its Exif orientation, in sRGB.
      const bitmap = await createImageBitmap(file).catch(() => {
        throw new Error('this browser cannot read it as an image');
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
  if (!answer.ok) throw new Error('not found beside this page; choose or drop an .onnx file that Instar exported');
  network = await openNetwork(new Uint8Array(await answer.arrayBuffer()));
  showNetwork();
});
