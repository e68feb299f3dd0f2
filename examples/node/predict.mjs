/**
 * Runs a network that Instar grew in Node, and prints the most probable classes of image files.
 *
 *     npm install onnxruntime-node sharp
 *     node predict.mjs best.onnx photo.jpg …
 *
 * The network takes raw pixels, uint8 (N, height, width, channels), and gives logits and probabilities, float (N, classes).
 */
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';

/** The fields of a protobuf message that hold bytes, as [number, bytes] in the order of the file. An .onnx file is such a message. */
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

/** ModelProto.metadata_props (field 14): messages of a key (1) and a value (2). ONNX Runtime does not give them to JavaScript. */
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

/**
 * Brings an image to the network's size as Instar does: Exif orientation, on the background, and then as `fit` says: cropped to its
 * centre, padded with the colours of its edges, or stretched. Grey by Rec. 601.
 */
async function pixelsOf(path, { height, width, channels, fit, background }) {
  const image = sharp(path, { autoOrient: true });
  const { autoOrient: sides } = await image.metadata();
  const scale = Math.min(height / sides.height, width / sides.width);
  const inner = (length, most) => (fit === 'pad' ? Math.min(most, Math.max(1, Math.round(scale * length))) : most);
  const [high, wide] = [inner(sides.height, height), inner(sides.width, width)];
  const [top, left] = [(height - high) >> 1, (width - wide) >> 1];
  const colours = await image
    .flatten({ background })
    .toColourspace('srgb')
    .resize(wide, high, { fit: fit === 'crop' ? 'cover' : 'fill', kernel: 'lanczos3', fastShrinkOnLoad: false })
    .extend({ top, left, bottom: height - high - top, right: width - wide - left, extendWith: 'copy' })
    .raw({ depth: 'uchar' })
    .toBuffer();
  if (channels === 3) return colours;
  return Uint8Array.from({ length: height * width }, (_, at) => {
    const [red, green, blue] = colours.subarray(3 * at, 3 * at + 3);
    return Math.floor((299 * red + 587 * green + 114 * blue + 500) / 1000);
  });
}

const [model, ...paths] = process.argv.slice(2);
if (paths.length === 0) {
  console.error('usage: node predict.mjs MODEL.onnx IMAGE…');
  process.exit(2);
}
const file = await readFile(model);
const metadata = metadataOf(file);
const classes = JSON.parse(metadata.get('classes'));
const [height, width, channels] = ['height', 'width', 'channels'].map((key) => Number(metadata.get(key)));
const how = { height, width, channels, fit: metadata.get('fit') ?? 'crop', background: metadata.get('background') ?? '#ffffff' };

// All images in one call.
const size = height * width * channels;
const pixels = new Uint8Array(paths.length * size);
for (const [index, path] of paths.entries()) pixels.set(await pixelsOf(path, how), index * size);

const session = await InferenceSession.create(file);
const images = new Tensor('uint8', pixels, [paths.length, height, width, channels]);
const { probabilities } = await session.run({ images });

for (const [index, path] of paths.entries()) {
  const row = probabilities.data.subarray(index * classes.length, (index + 1) * classes.length);
  const best = classes.map((name, at) => [row[at], name]).toSorted(([a], [b]) => b - a);
  console.log(path);
  for (const [probability, name] of best.slice(0, 3)) console.log(`  ${probability.toFixed(4)} ${name}`);
}
