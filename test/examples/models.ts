/** Exported networks that were never trained, and pictures of noise, for the tests of the examples. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import type { Shape } from '../../src/network/network.ts';
import { countParameters } from '../../src/network/cost.ts';
import { initialTensors } from '../../src/network/parameters.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { exportModel } from '../../src/training/export.ts';
import type { About } from '../../src/training/job.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { version } from '../../src/util/version.ts';

/** What a file says of how its images are made. */
type Rendering = Pick<About, 'fit' | 'background'>;

/** The bytes of best.onnx as a run writes it. The last layer is so large that the probabilities differ. */
export function exportedModel(shape: Shape, classes: readonly string[], rendering: Rendering = {}): Uint8Array {
  const network = vanillaNetwork(shape, classes.length, [4, 6]);
  const tensors = initialTensors(network, random('example', shape.channels));
  const last = must(network.nodes.at(-1), 'node').id;
  const scaled = Object.entries(tensors).map(([name, { shape: extents, data }]) => {
    const factor = name.startsWith(`${last}/`) ? 30 : 1;
    return [name, { shape: extents, data: data.map((value) => factor * value) }] as const;
  });
  return exportModel(network, Object.fromEntries(scaled), {
    instar: version,
    run: 'example',
    dataset: 'noise',
    classes: [...classes],
    shape,
    mean: Array.from({ length: shape.channels }, () => 0.4),
    std: Array.from({ length: shape.channels }, () => 0.25),
    line: 'final',
    parameters: countParameters(network),
    seed: 1,
    ...rendering,
  });
}

/** Smooth noise of `detail` grains a side, in colour; a pixel's channels beside each other. */
export async function picture(
  name: string,
  { height, width }: Shape,
  detail = 4,
): Promise<{ readonly png: Buffer; readonly colours: Uint8Array }> {
  const stream = random('picture', name);
  const noise = Uint8Array.from({ length: detail * detail * 3 }, () => stream.integer(256));
  const image = sharp(noise, { raw: { width: detail, height: detail, channels: 3 } }).resize(width, height, { fit: 'fill' });
  const colours = await image.clone().raw().toBuffer();
  return { png: await image.png().toBuffer(), colours };
}

/** What ONNX Runtime gives for pixels as the file takes them: probabilities of one image. */
export async function probabilitiesOf(model: Uint8Array, pixels: Uint8Array, shape: Shape): Promise<readonly number[]> {
  const session = await InferenceSession.create(model);
  const images = new Tensor('uint8', pixels, [1, shape.height, shape.width, shape.channels]);
  const { probabilities } = await session.run({ images });
  return Array.from(must(probabilities, 'probabilities').data as Float32Array);
}
