/** `npm run bench`, or `npm run bench -- NAME…`: runs benchmarks. The sides of each ratio are measured in one run. */
import { cpus } from 'node:os';
import { UserError } from '../src/util/user-error.ts';
import { bareBench, oneThread } from './bare.ts';
import { say } from './measure.ts';
import { latencyBench } from './latency.ts';
import { memoryBench } from './memory.ts';
import { compileBench, scalingBench } from './scaling.ts';
import { mutationsBench } from './mutations.ts';
import { onnxBench } from './onnx.ts';
import { debianTorchBench, newestTorchBench } from './torch.ts';
import { workersBench } from './workers.ts';

interface Bench {
  readonly title: string;
  run(): Promise<void>;
}

const benches: Readonly<Record<string, Bench>> = {
  bare: { title: 'a training step of the vanilla network against its bare primitives', run: bareBench },
  torch: { title: "a training step against Debian's PyTorch, eager", run: debianTorchBench },
  'torch-newest': { title: 'a training step against the newest PyTorch, eager', run: newestTorchBench },
  onnx: { title: 'the onnx engine against PyTorch and oneDNN, and alternative ONNX operators for steps', run: onnxBench },
  scaling: { title: 'time per multiply-add, from 0.4 M to 10 M parameters', run: scalingBench },
  compile: { title: 'lowering a grown 100-layer network and creating its primitives', run: compileBench },
  memory: { title: 'memory of a worker at batch 128: predicted and measured', run: memoryBench },
  latency: { title: 'the latency of a file, predicted from times of its operations, and measured', run: latencyBench },
  mutations: { title: 'five mutations of a network of 10 M parameters', run: mutationsBench },
  workers: { title: 'two children on two workers against one after another', run: workersBench },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  process.stderr.write(`no bench named ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`);
  process.exit(2);
}
/** The version of oneDNN, which the benchmarks use unless they state otherwise. */
function library(): string {
  try {
    const { version, instructionSet } = oneThread().fingerprint;
    return `oneDNN ${version} (${instructionSet})`;
  } catch (error) {
    if (error instanceof UserError) return 'no oneDNN';
    throw error;
  }
}
say(`${cpus()[0]?.model}, ${library()}, one thread, Node ${process.versions.node}`);
for (const [name, { title, run }] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  say(`${name}: ${title}`);
  await run();
}
