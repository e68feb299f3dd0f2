/**
 * Calls every command of the program with generated damage: run folders, networks, models, datasets, studies, values of options. Each
 * call must end with an exit code of the program and, where it failed, with a last line that says why: never with a stack trace.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { commandOptions, type CommandName } from '../../src/options/commands.ts';
import { flagOf, type Options } from '../../src/options/option.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/formats/safetensors.ts';
import { decodeModel, encodeModel } from '../../src/formats/onnx/codec.ts';
import { random, type Random } from '../../src/util/random.ts';
import { makePhotos, pretend } from '../cli/fixtures.ts';
import { anyDamage } from './damage.ts';
import { finishedRun, place, quadrantFolder } from './runs.ts';
import { damagedFile, sampleOf, type Sample } from './onnx-damage.ts';
import { fixture, fixtureNames } from './onnx-fixtures.ts';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** A call of the program. */
export interface Call {
  /** What was damaged, in words. */
  readonly what: string;
  readonly words: readonly string[];
}

export interface Ending extends Call {
  readonly code: number | null;
  /** What is wrong with the way it ended; null where nothing is. */
  readonly problem: string | null;
  /** The last line that it wrote to stderr. */
  readonly last: string;
}

/** What is damaged. */
export interface Subject {
  readonly folder: string;
  readonly run: string;
  readonly samples: readonly Sample[];
  readonly photo: string;
}

export async function openSubject(): Promise<Subject> {
  const folder = join(place, 'commands');
  mkdirSync(folder, { recursive: true });
  await makePhotos(join(folder, 'photos'), 6);
  const samples = fixtureNames.map((name) => sampleOf(`${name}.onnx`, readFileSync(fixture(name))));
  return { folder, run: await finishedRun(), samples, photo: join(folder, 'photos', 'amber', '0.png') };
}

/** Texts that no option expects, and some that one does. */
const oddTexts = [
  '',
  ' ',
  '0',
  '1',
  '2',
  '-1',
  '0.5',
  '1e400',
  'NaN',
  'null',
  'Infinity',
  '9007199254740993',
  '18446744073709551616',
  '1,2,,3',
  '4,6',
  '1e-400',
  '10m',
  '1T',
  '0x10',
  'ä€𐍈',
  '\u001b[31mred',
  '--',
  '-',
  '../..',
  '/dev/null/x',
  '/proc/self/mem',
  '{"insert-convolution":1e9}',
  '{"__proto__":1}',
  'a=b',
  'constructor.prototype=1',
  'seed=1.5',
  'limits.steps=null',
  'augmentation={}',
  'augmentation.shift=7',
  'redis://nowhere.invalid:1/99',
  'postgres://nobody@127.0.0.1:1/x',
  'file:/dev/null/store',
  's3://x',
  'x'.repeat(70_000),
] as const;

/** A JSON value with one of its parts replaced, removed or doubled. */
function oddJson(value: unknown, stream: Random): unknown {
  const odd = (): unknown =>
    stream.pick([null, -1, 0, 1.5, 1e308, 2 ** 40, '', 'x', [], {}, true, [null], 'NaN', { kind: 'relu' }, -0, 2 ** 53] as const);
  if (Array.isArray(value) && value.length > 0 && stream.float() < 0.9) {
    const at = stream.integer(value.length);
    const kind = stream.integer(4);
    if (kind === 0) return value.toSpliced(at, 1);
    if (kind === 1) return value.toSpliced(at, 0, value[at]);
    return value.with(at, oddJson(value[at], stream));
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && stream.float() < 0.95) {
    const keys = Object.keys(value);
    if (keys.length === 0) return odd();
    const key = stream.pick(keys);
    const { [key]: old, ...rest } = value as Record<string, unknown>;
    return stream.float() < 0.15 ? rest : { ...value, [key]: oddJson(old, stream) };
  }
  return odd();
}

/** As a text of JSON, where it is one. */
function oddText(text: string, stream: Random): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? JSON.stringify(oddJson(value, stream)) : stream.pick(oddTexts).slice(0, 1000);
  } catch {
    return stream.pick(oddTexts).slice(0, 1000);
  }
}

type Generate = (subject: Subject, stream: Random, round: number) => Call;

/** The commands that read a run. */
const ofRun = ({ photo, folder }: Subject, run: string, stream: Random): readonly string[] =>
  stream.pick([
    ['show', run],
    ['show', run, '--json'],
    ['report', run, '--out', join(folder, 'report.html')],
    ['resume', run],
    ['resume', run, '--budget', '+1s'],
    ['list', join(run, '..')],
    ['export', run, '--onnx', join(folder, 'out.onnx')],
    ['export', run, '--onnx', join(folder, 'out.onnx'), '--child', stream.pick(['s1c1', 's9c9', 's?c2', 'vanilla', ''])],
    ['export', run, '--onnx', join(folder, 'out.onnx'), '--step', stream.pick(['0', '1', '7'])],
    ['evaluate', run, quadrantFolder],
    ['predict', run, photo],
  ]);

const ofNetwork = ({ photo, folder }: Subject, path: string, stream: Random): readonly string[] =>
  stream.pick([
    ['evaluate', path, quadrantFolder],
    ['evaluate', path, join(folder, 'photos')],
    ['predict', path, photo],
    ['plan', quadrantFolder, '--from', path],
  ]);

const generators: Readonly<Record<string, Generate>> = {
  'a run with a damaged file': (subject, stream) => {
    const run = join(subject.folder, 'run');
    const name = stream.pick(['journal.jsonl', 'journal.jsonl', 'config.json', 'best.safetensors', 'best.json', 'best.onnx']);
    const [what, damaged] = anyDamage(readFileSync(join(run, name)), stream);
    writeFileSync(join(run, name), damaged);
    return { what: `${name}: ${what}`, words: ofRun(subject, run, stream) };
  },
  'a run without a file, or with another thing in its place': (subject, stream) => {
    const run = join(subject.folder, 'run');
    const name = stream.pick(readdirSync(run));
    rmSync(join(run, name), { recursive: true });
    const kind = stream.pick(['missing', 'a folder', 'an empty file']);
    if (kind === 'a folder') mkdirSync(join(run, name));
    if (kind === 'an empty file') writeFileSync(join(run, name), '');
    return { what: `${name}: ${kind}`, words: ofRun(subject, run, stream) };
  },
  'a journal or a configuration with another value': (subject, stream) => {
    const run = join(subject.folder, 'run');
    const config = join(run, 'config.json');
    const journal = join(run, 'journal.jsonl');
    const isConfig = stream.float() < 0.5;
    if (isConfig) writeFileSync(config, oddText(readFileSync(config, 'utf8'), stream));
    // Without its hashes, as earlier versions wrote it, so that only the schema and the replay stand in the way.
    const lines = readFileSync(journal, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => {
        const { hash: _hash, ...event } = JSON.parse(line) as Record<string, unknown>;
        return event;
      });
    const at = stream.integer(lines.length);
    const events = isConfig ? lines : lines.with(at, oddJson(lines[at], stream) as Record<string, unknown>);
    writeFileSync(journal, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    return { what: isConfig ? 'config.json' : `line ${at + 1} of the journal`, words: ofRun(subject, run, stream) };
  },
  'a network with other metadata': (subject, stream) => {
    const path = join(subject.folder, 'network.safetensors');
    const { tensors, metadata } = decodeSafetensors(readFileSync(join(subject.run, 'best.safetensors')), path);
    const key = stream.pick(Object.keys(metadata));
    writeFileSync(path, encodeSafetensors(tensors, { ...metadata, [key]: oddText(metadata[key] ?? '', stream) }));
    return { what: `metadata ${key}`, words: ofNetwork(subject, path, stream) };
  },
  'a network with damaged bytes': (subject, stream) => {
    const path = join(subject.folder, 'network.safetensors');
    const [what, damaged] = anyDamage(readFileSync(join(subject.run, 'best.safetensors')), stream);
    writeFileSync(path, damaged);
    return { what, words: ofNetwork(subject, path, stream) };
  },
  'a model with other metadata or another size of batch': (subject, stream) => {
    const path = join(subject.folder, 'model.onnx');
    const model = decodeModel(readFileSync(join(subject.run, 'best.onnx')), path) as unknown as Record<string, unknown>;
    const names = ['metadata', 'graph'].filter((name) => name in model);
    const name = stream.pick(names);
    const part = model[name] as Record<string, unknown>;
    const keys = name === 'graph' ? ['inputs', 'outputs'].filter((key) => key in part) : Object.keys(part);
    const key = stream.pick(keys);
    const old = part[key];
    const changed = typeof old === 'string' ? oddText(old, stream) : withOddSize(old, stream);
    try {
      writeFileSync(path, encodeModel({ ...model, [name]: { ...part, [key]: changed } } as never));
    } catch {
      writeFileSync(path, ''); // What cannot be written is no file that someone has.
    }
    return { what: `${name} ${key}`, words: ofNetwork(subject, path, stream) };
  },
  'a damaged model': (subject, stream, round) => {
    const path = join(subject.folder, 'model.onnx');
    const { what, bytes } = damagedFile(subject.samples, round);
    writeFileSync(path, bytes);
    return { what, words: ofNetwork(subject, path, stream) };
  },
  'a damaged dataset': (subject, stream) => {
    const data = join(subject.folder, 'data');
    rmSync(data, { recursive: true, force: true });
    const isIdx = stream.float() < 0.5;
    cpSync(isIdx ? quadrantFolder : join(subject.folder, 'photos'), data, { recursive: true });
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const whats: string[] = [];
    for (let times = 1 + stream.integer(3); times > 0; times--) {
      const { name, parentPath } = stream.pick(files);
      const file = join(parentPath, name);
      const [what, damaged] = anyDamage(readFileSync(file), stream);
      writeFileSync(file, damaged);
      whats.push(`${name}: ${what}`);
    }
    const words = stream.pick([
      ['evaluate', subject.run, data],
      ['plan', data, '--strict'],
      ['predict', subject.run, join(data, files[0]?.name ?? '')],
    ]);
    return { what: whats.join('; '), words };
  },
  'a damaged study': (subject, stream) => {
    const path = join(subject.folder, 'study.yaml');
    const text = readFileSync(join('studies', 'table-2-small.yaml'));
    const [what, damaged] = anyDamage(text, stream);
    // Its data is not there, so that no study begins.
    writeFileSync(path, damaged.toString('latin1').replace(/^dataset:.*$/m, 'dataset: /nowhere/at/all'));
    return { what, words: ['study', path, '--folder', join(subject.folder, 'study')] };
  },
  'odd values of options': ({ folder, run, photo }, stream) => {
    const parameters: Readonly<Record<CommandName, readonly string[]>> = {
      // Its data is not there, so that no search begins.
      search: ['/nowhere/at/all'],
      plan: ['/nowhere/at/all'],
      resume: [run],
      show: [run],
      front: [run],
      report: [run],
      study: [join(folder, 'no-study.yaml')],
      worker: [],
      ui: [join(folder, 'no folder')],
      export: [run],
      evaluate: [run, quadrantFolder],
      predict: [run, photo],
      list: [folder],
      settings: [],
      completion: [stream.pick(['bash', 'zsh', 'fish', 'x'])],
      version: [],
      help: [],
    };
    const name = stream.pick(Object.keys(commandOptions) as CommandName[]);
    const rows: Options = commandOptions[name];
    const words: string[] = [];
    for (let times = 1 + stream.integer(3); times > 0; times--) {
      const keys = Object.keys(rows).filter((key) => !(name === 'worker' && key === 'queue') && key !== 'out');
      if (keys.length === 0) break;
      const key = stream.pick(keys);
      const isFlag = rows[key]?.kind.argument === '';
      words.push(flagOf(key), ...(isFlag ? [] : [stream.pick(oddTexts)]));
    }
    if (stream.float() < 0.2) words.push(stream.pick(oddTexts));
    const given = stream.float() < 0.9 ? parameters[name] : parameters[name].slice(1);
    return { what: name, words: [name, ...given, ...words] };
  },
};

export const generatorNames: readonly string[] = Object.keys(generators);

/** The sizes of a model's inputs or outputs, one of them another. */
function withOddSize(value: unknown, stream: Random): unknown {
  const sizes = [0n, -1n, 1n, 3_000_000n, 2n ** 40n, 2n ** 62n, 7n];
  const visit = (each: unknown): unknown => {
    if (typeof each === 'bigint') return stream.float() < 0.4 ? stream.pick(sizes) : each;
    if (typeof each === 'number') return stream.float() < 0.3 ? Number(stream.pick(sizes)) : each;
    if (Array.isArray(each)) return each.map(visit);
    if (typeof each === 'object' && each !== null && !ArrayBuffer.isView(each))
      return Object.fromEntries(Object.entries(each).map(([key, inner]) => [key, visit(inner)]));
    return each;
  };
  return visit(value);
}

/** What is wrong with an ending. */
function problemOf(code: number | null, out: string, err: string): string | null {
  const text = `${out}\n${err}`;
  if (/^\s+at .*[:(]/m.test(text) || text.includes('unexpected error')) return `a stack trace: ${err.slice(0, 2000)}`;
  if (code === null || ![0, 1, 2, 130].includes(code)) return `exit code ${code}: ${err.slice(-500)}`;
  const last = lastOf(err);
  // A study names each of its runs that failed, and how to go on, in lines of its own.
  if ((code === 2 && !last.startsWith('instar: ')) || (code === 1 && last === ''))
    return `no line that says why: ${err.slice(-500)}`;
  return null;
}

const lastOf = (err: string): string => err.trimEnd().split('\n').at(-1) ?? '';

/** Milliseconds after which a command that goes on is interrupted, as by Ctrl-C. */
const patience = 2500;

/** One call in this process. The same round gives the same call. */
export async function callOnce(subject: Subject, round: number): Promise<Ending & { readonly kind: string }> {
  const stream = random('commands', round);
  const kind = generatorNames[round % generatorNames.length] as string;
  const run = join(subject.folder, 'run');
  rmSync(run, { recursive: true, force: true });
  cpSync(subject.run, run, { recursive: true });
  const { what, words } = (generators[kind] as Generate)(subject, stream, round);
  const world = pretend({ environment: process.env });
  let done = false;
  const interrupt = setInterval(() => {
    if (!done) world.handlers.get('SIGINT')?.();
  }, patience);
  try {
    const code = await runCommandLine(words, world.io);
    return { kind, what, words, code, problem: problemOf(code, world.out(), world.err()), last: lastOf(world.err()) };
  } catch (error) {
    return { kind, what, words, code: null, problem: `thrown: ${(error as Error).stack ?? String(error)}`, last: '' };
  } finally {
    done = true;
    clearInterval(interrupt);
  }
}

/** Limits of a shell's `ulimit`, from none to too little for anything. */
const limits: readonly string[] = [
  ...[300_000, 600_000, 900_000, 1_500_000, 3_000_000, 12_000_000].map((kilobytes) => `-v ${kilobytes}`),
  ...[8, 12, 16, 20, 24, 32, 48, 64, 100, 127].map((files) => `-n ${files}`),
  ...[256, 1024, 4096].map((kilobytes) => `-s ${kilobytes}`),
  ...[0, 1, 64, 1024].map((blocks) => `-f ${blocks}`),
  ...[1, 5, 12, 20, 40].map((processes) => `-u ${processes}`),
];

/** One call as a process under a limit of the system. */
export function callUnderLimit(subject: Subject, round: number): Ending {
  const stream = random('limits', round);
  const limit = limits[round % limits.length] as string;
  const { folder, run, photo } = subject;
  const words = stream.pick([
    ['show', run],
    ['list', folder],
    ['evaluate', run, quadrantFolder],
    ['evaluate', join(run, 'best.onnx'), quadrantFolder],
    ['predict', run, photo],
    ['report', run, '--out', join(folder, 'limited.html')],
    ['export', run, '--onnx', join(folder, 'limited.onnx')],
    ['evaluate', run, join(folder, 'photos')],
    ['search', join(folder, 'photos'), '--work', '1G', '--run', join(folder, `limited-${round}`)],
  ]);
  // Limits of processes do not hold for the superuser.
  const isCounted = limit.startsWith('-u') && process.getuid?.() === 0;
  if (isCounted) spawnSync('chmod', ['-R', 'a+rwX', place]);
  const as = isCounted ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
  const script = 'ulimit $1 2>/dev/null; shift; exec "$@"';
  const { status, stdout, stderr, signal } = spawnSync(
    'sh',
    ['-c', script, 'sh', limit, ...as, process.execPath, main, ...words],
    {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, INSTAR_CACHE: join(place, 'cache') },
    },
  );
  // Node itself cannot begin: nothing of this program has run.
  const isBeforeUs =
    signal === 'SIGABRT' || signal === 'SIGTRAP' || signal === 'SIGSEGV' || signal === 'SIGXFSZ' || status === 134;
  const problem = isBeforeUs && !/^\s+at /m.test(stderr) ? null : problemOf(status, stdout, stderr);
  return { what: `ulimit ${limit}`, words, code: status, problem, last: isBeforeUs ? `${signal ?? status}` : lastOf(stderr) };
}
