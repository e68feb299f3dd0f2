/** What the tests of the command line share: a folder of photos, the built program as a process, a world that is pretended. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { Io } from '../../src/cli/io.ts';
import { random } from '../../src/util/random.ts';

export const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'instar-cli-'));

const colours: Readonly<Record<string, readonly [number, number, number]>> = {
  amber: [255, 190, 0],
  blue: [20, 40, 220],
  coral: [255, 110, 90],
  green: [20, 160, 60],
  violet: [140, 60, 200],
};

/** Noisy pictures, 12 pixels a side, a colour a class. */
export async function makePhotos(root: string, count: number): Promise<void> {
  const stream = random('photos');
  for (const [name, colour] of Object.entries(colours)) {
    mkdirSync(join(root, name), { recursive: true });
    for (let image = 0; image < count; image++) {
      const pixels = Buffer.from(
        Array.from({ length: 12 * 12 * 3 }, (_none, at) => Math.round((colour[at % 3] as number) * (0.4 + 0.6 * stream.float()))),
      );
      await sharp(pixels, { raw: { width: 12, height: 12, channels: 3 } })
        .png()
        .toFile(join(root, name, `${image}.png`));
    }
  }
}

/** Some seconds of search. */
export const tiny: readonly string[] = (
  '--preset quick --engine reference --workers 2 --widths 4,6 --steps 1 --mutations 2 ' +
  '--vanilla-epochs 2 --epochs 12 --final-epochs 2 --batch 16 --no-cutout --no-mixup'
).split(' ');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Program {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has written to stdout so far. */
  out(): string;
}

export function start(parameters: readonly string[], cwd: string, changed: Readonly<Record<string, string>> = {}): Program {
  const environment = { ...process.env, INSTAR_CACHE: join(cwd, 'cache'), ...changed };
  const child = spawn(process.execPath, [main, ...parameters], { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, out, err })));
  return { process: child, ended, out: () => out };
}

export const instar = (parameters: readonly string[], cwd: string): Promise<Ended> => start(parameters, cwd).ended;

/** Until it holds, or a failure after a minute. */
export async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 3000) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export interface Pretended {
  readonly io: Io;
  readonly handlers: Map<string, () => void>;
  readonly exits: number[];
  out(): string;
  err(): string;
}

/** A world of which nothing gets out. */
export function pretend(fields: Partial<Io> = {}): Pretended {
  const handlers = new Map<string, () => void>();
  const exits: number[] = [];
  const sink = (): { stream: NodeJS.WriteStream; text: () => string } => {
    const stream = new PassThrough();
    const parts: string[] = [];
    stream.on('data', (part: Buffer) => parts.push(part.toString()));
    return {
      stream: Object.assign(stream, { isTTY: false, columns: 80, rows: 24 }) as unknown as NodeJS.WriteStream,
      text: () => parts.join(''),
    };
  };
  const [out, err] = [sink(), sink()];
  const io: Io = {
    out: out.stream,
    err: err.stream,
    environment: {},
    set: () => undefined,
    now: () => performance.now(),
    date: () => new Date(0),
    stops: ['SIGINT', 'SIGTERM', 'SIGHUP'],
    on: (signal, handler) => void handlers.set(signal, handler),
    off: (signal) => void handlers.delete(signal),
    exit(code) {
      exits.push(code);
      throw new Error('the process has ended');
    },
    pause: () => undefined,
    ...fields,
  };
  return { io, handlers, exits, out: out.text, err: err.text };
}
