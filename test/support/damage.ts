/**
 * Damages the files of a run, and reads it. Each damage must give an error of one line that names the file and the place in it, or the
 * same state as without. A journal that was only cut off at its end is an earlier state of the run: a kill leaves the same.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { resume } from '../../src/run/driving/open.ts';
import { readBest, readNamed } from '../../src/run/record/best.ts';
import { folderOf, type Folder } from '../../src/run/record/folder.ts';
import { readRun, type Read } from '../../src/run/record/read.ts';
import { replay } from '../../src/run/record/replay.ts';
import { random, type Random } from '../../src/util/random.ts';
import { UserError } from '../../src/util/user-error.ts';
import { openFeed } from '../../src/web/feed.ts';

/** What a damaged run gave. `wrong`: neither of what it may give. */
export type Verdict = 'refused' | 'same' | 'cut' | 'wrong';

export interface Damaged {
  readonly file: string;
  /** The kind of damage. */
  readonly kind: string;
  /** The damage in words. */
  readonly what: string;
  readonly verdict: Verdict;
  /** The error, or what is wrong. */
  readonly message: string;
}

const newline = 0x0a;

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(newline, from);
    const to = end === -1 ? bytes.length : end + 1;
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return lines;
}

type Damage = (bytes: Buffer, stream: Random) => readonly [what: string, damaged: Buffer];

const withLines =
  (change: (lines: Buffer[], at: number, stream: Random) => Buffer[]): Damage =>
  (bytes, stream) => {
    const lines = linesOf(bytes);
    const at = stream.integer(lines.length);
    return [`line ${at + 1} of ${lines.length}`, Buffer.concat(change(lines, at, stream))];
  };

const damages: Readonly<Record<string, Damage>> = {
  'a bit flipped': (bytes, stream) => {
    const [at, bit] = [stream.integer(bytes.length), stream.integer(8)];
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] as number) ^ (1 << bit);
    return [`bit ${bit} of byte ${at}`, damaged];
  },
  'a digit changed': (bytes, stream) => {
    const digits = [...bytes.keys()].filter((at) => (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39);
    if (digits.length === 0) return ['none', bytes];
    const at = stream.pick(digits);
    const damaged = Buffer.from(bytes);
    damaged[at] = 0x30 + (((damaged[at] as number) - 0x30 + 1 + stream.integer(9)) % 10);
    return [`byte ${at}`, damaged];
  },
  'a line deleted': withLines((lines, at) => lines.toSpliced(at, 1)),
  'a line doubled': withLines((lines, at) => lines.toSpliced(at, 0, lines[at] as Buffer)),
  'two lines swapped': withLines((lines, at, stream) => {
    const other = stream.integer(lines.length);
    return lines.with(at, lines[other] as Buffer).with(other, lines[at] as Buffer);
  }),
  'cut off': (bytes, stream) => {
    const length = stream.integer(bytes.length);
    return [`to ${length} bytes`, bytes.subarray(0, length)];
  },
  'cut off after a line': withLines((lines, at) => lines.slice(0, at)),
  'bytes removed': (bytes, stream) => {
    const [at, count] = [stream.integer(bytes.length), 1 + stream.integer(20)];
    return [`${count} at ${at}`, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)])];
  },
  'zeros written': (bytes, stream) => {
    const [at, count] = [stream.integer(bytes.length), 1 + stream.integer(600)];
    return [`${count} at ${at}`, Buffer.from(bytes).fill(0, at, Math.min(bytes.length, at + count))];
  },
  'zeros alone': (bytes) => ['all bytes', Buffer.alloc(bytes.length)],
  'zeros appended': (bytes, stream) => {
    const count = 1 + stream.integer(4096);
    return [`${count}`, Buffer.concat([bytes, Buffer.alloc(count)])];
  },
};
export const damageKinds: readonly string[] = Object.keys(damages);

/** Any damage to the bytes, and what it was. */
export function anyDamage(bytes: Buffer, stream: Random): readonly [what: string, damaged: Buffer] {
  if (bytes.length === 0) return ['nothing to damage', bytes];
  const kind = stream.pick(damageKinds);
  const [what, damaged] = (damages[kind] as Damage)(bytes, stream);
  return [`${kind}: ${what}`, damaged];
}

/** A run that is damaged again and again. */
export interface Subject {
  readonly folder: Folder;
  readonly read: Read;
  readonly whole: ReadonlyMap<string, Buffer>;
}

/** The files that are damaged; those of a chance of two are named twice. */
const files = ['journal.jsonl', 'journal.jsonl', 'config.json', 'best.onnx', 'best.safetensors', 'best.json'] as const;

export function subjectOf(root: string): Subject {
  const folder = folderOf(root);
  return { folder, read: readRun(root), whole: new Map(files.map((name) => [name, readFileSync(join(root, name))])) };
}

interface Answer {
  readonly verdict: Verdict;
  readonly message: string;
}

const wrong = (message: string): Answer => ({ verdict: 'wrong', message });

/** The error as an answer: it is to be one line that names the file. */
function refusal(error: unknown, path: string): Answer {
  if (!(error instanceof UserError)) return wrong((error as Error).stack ?? String(error));
  const { message } = error;
  const isClear =
    !message.includes('\n') && (message.includes(path) || (path.endsWith('config.json') && message.includes('config.json')));
  return isClear ? { verdict: 'refused', message } : wrong(`not a line that names ${path}: ${message}`);
}

/** What is read of a run whose journal or configuration is damaged. */
function readAgain({ folder, read }: Subject, path: string, isCut: boolean): Answer {
  let again: Read;
  try {
    again = readRun(folder.root);
  } catch (error) {
    return refusal(error, path);
  }
  if (isDeepStrictEqual([again.config, again.state], [read.config, read.state])) return { verdict: 'same', message: '' };
  const { entries } = again.replay;
  const earlier = replay(read.replay.entries.slice(0, entries.length));
  if (isCut && isDeepStrictEqual([again.config, again.state], [read.config, earlier]))
    return { verdict: 'cut', message: `${entries.length} of ${read.replay.entries.length} events` };
  return wrong(`another state, of ${entries.length} events`);
}

/** What the dashboard reads of it must be the same. */
function readLive({ folder }: Subject, path: string, { verdict, message }: Answer): Answer {
  try {
    const feed = openFeed(folder.root);
    feed.advance();
    if (verdict === 'refused') return wrong(`the dashboard shows what is refused elsewhere: ${message}`);
    if (!isDeepStrictEqual(feed.state, readRun(folder.root).state)) return wrong('the dashboard has another state');
  } catch (error) {
    const live = refusal(error, path);
    if (live.verdict === 'wrong') return live;
    if (verdict !== 'refused') return wrong(`the dashboard refuses it: ${live.message}`);
  }
  return { verdict, message };
}

/** A resume refuses it too, and removes nothing. */
async function resumed({ folder }: Subject, path: string, answer: Answer): Promise<Answer> {
  if (answer.verdict !== 'refused') return answer;
  const before = readdirSync(folder.checkpoints).join();
  try {
    for await (const item of resume(folder.root)) return wrong(`resume goes on: ${item.type}`);
    return wrong('resume does not refuse it');
  } catch (error) {
    const again = refusal(error, path);
    if (again.verdict === 'wrong') return again;
  }
  return readdirSync(folder.checkpoints).join() === before ? answer : wrong('resume has removed checkpoints');
}

async function bestAgain({ folder, whole }: Subject, name: string): Promise<Answer> {
  const path = join(folder.root, name);
  try {
    if (name === 'best.safetensors') await readBest(folder.root);
    const bytes = await readNamed(path);
    return whole.get(name)?.equals(bytes) === true ? { verdict: 'same', message: '' } : wrong('other bytes');
  } catch (error) {
    return refusal(error, path);
  }
}

/** Damages a file of the run, reads it, and mends it. The same round gives the same damage. */
export async function damageOnce(subject: Subject, round: number): Promise<Damaged> {
  const stream = random('damage', round);
  const name = files[round % files.length] as string;
  const kind = stream.pick(damageKinds);
  const whole = subject.whole.get(name) as Buffer;
  const path = join(subject.folder.root, name);
  const [what, bytes] = (damages[kind] as Damage)(whole, stream);
  writeFileSync(path, bytes);
  try {
    const isCut = name === 'journal.jsonl' && bytes.equals(whole.subarray(0, bytes.length));
    const isBest = name.startsWith('best');
    const first = isBest ? await bestAgain(subject, name) : readAgain(subject, path, isCut);
    const answer = isBest || first.verdict === 'wrong' ? first : await resumed(subject, path, readLive(subject, path, first));
    return { file: name, kind, what: `${name}: ${kind}: ${what}`, ...answer };
  } finally {
    writeFileSync(path, whole);
  }
}
