/** TensorFlow Lite files: run by LiteRT, where Python has it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skipFor } from './machine.ts';

const packages = process.env['INSTAR_TEST_PYTHONPATH'] ?? '';
const environment = { ...process.env, PYTHONPATH: packages };
const missing = spawnSync('python3', ['-c', 'import ai_edge_litert.interpreter'], { env: environment }).status !== 0;
/** For `skip` of node:test. */
export const withoutInterpreter = skipFor(missing ? "Python's ai-edge-litert is not here" : null);

/** Runs each file on its images by the kernels of the runtime's choice, and by its reference kernels; writes all outputs. */
const script = `
import json, os, sys
import numpy
from ai_edge_litert.interpreter import Interpreter, OpResolverType

folder = sys.argv[1]
said = {}
for name in sorted(name[:-7] for name in os.listdir(folder) if name.endswith('.tflite')):
    path = os.path.join(folder, name)
    for kernels, resolver in (('own', OpResolverType.AUTO), ('reference', OpResolverType.BUILTIN_REF)):
        interpreter = Interpreter(model_path=path + '.tflite', experimental_op_resolver_type=resolver, num_threads=1)
        interpreter.allocate_tensors()
        [taken] = interpreter.get_input_details()
        given = interpreter.get_output_details()
        images = numpy.fromfile(path + '.images', taken['dtype']).reshape((-1, *taken['shape'][1:]))
        found = [[] for _ in given]
        for image in images:
            interpreter.set_tensor(taken['index'], image[None])
            interpreter.invoke()
            for into, output in zip(found, given):
                into.append(interpreter.get_tensor(output['index']))
        found = [numpy.concatenate(each) for each in found]
        with open(path + '.' + kernels, 'wb') as file:
            for each in found:
                file.write(each.tobytes())
    # All images at once: the first extent may be changed.
    interpreter.resize_tensor_input(taken['index'], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken['index'], images)
    interpreter.invoke()
    same = numpy.array_equal(interpreter.get_tensor(given[0]['index']), found[0])
    described = lambda tensor: [str(tensor['dtype'].__name__), *map(float, tensor['quantization'])]
    said[name] = {
        'batch': bool(same),
        'taken': described(taken),
        'given': described(given[0]),
        'lengths': [each.size for each in found],
        'signatures': interpreter.get_signature_list(),
    }
print(json.dumps(said))
`;

export interface LiteCase {
  readonly name: string;
  readonly file: Uint8Array;
  /** (N, H, W, C), as the file takes them. */
  readonly images: Uint8Array;
}

type Numbers = Float32Array | Int8Array;
interface Said {
  /** Whether all images at once give the same. */
  readonly batch: boolean;
  /** Kind of numbers, scale and zero. */
  readonly taken: readonly [string, number, number];
  readonly given: readonly [string, number, number];
  readonly signatures: unknown;
  /** Of each output, over all images. */
  readonly lengths: readonly number[];
}
export interface LiteAnswer extends Said {
  /** Each output of all images: (N, classes), and where values are outputs (N, H, W, C). */
  readonly own: readonly Numbers[];
  readonly reference: readonly Numbers[];
}

function outputsIn(path: string, { given, lengths }: Said): readonly Numbers[] {
  const { buffer } = new Uint8Array(readFileSync(path));
  let from = 0;
  return lengths.map((length) => {
    const found = given[0] === 'int8' ? new Int8Array(buffer, from, length) : new Float32Array(buffer, from, length);
    from += found.byteLength;
    return found;
  });
}

/** Answers by the names of the cases. */
export function interpret(cases: readonly LiteCase[]): ReadonlyMap<string, LiteAnswer> {
  const folder = mkdtempSync(join(tmpdir(), 'instar-tflite-'));
  try {
    for (const { name, file, images } of cases) {
      writeFileSync(join(folder, `${name}.tflite`), file);
      writeFileSync(join(folder, `${name}.images`), images);
    }
    const { status, stdout, stderr } = spawnSync('python3', ['-c', script, folder], { env: environment, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const said = JSON.parse(stdout) as Record<string, Said>;
    return new Map(
      Object.entries(said).map(([name, rest]) => [
        name,
        {
          ...rest,
          own: outputsIn(join(folder, `${name}.own`), rest),
          reference: outputsIn(join(folder, `${name}.reference`), rest),
        },
      ]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
