/** The process as the commands use it; nothing else here touches it. */
import { constants } from 'node:os';
import { readText } from '../execution/resources.ts';
import { printableJson } from '../util/words.ts';
import { shown } from './styled.ts';

/** Exit codes of the process. */
export const exitCodes = { done: 0, failed: 1, wrong: 2, interrupted: 130 } as const;

export interface Io {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Sets a variable for this process and for those that it starts. */
  set(variable: string, value: string): void;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** The wall clock, for names. */
  date(): Date;
  /** Signals that end a command in order. */
  readonly stops: readonly NodeJS.Signals[];
  on(signal: NodeJS.Signals, handler: () => void): void;
  off(signal: NodeJS.Signals, handler: () => void): void;
  /** Ends the process at once. */
  exit(code: number): never;
  /** Stops the process as Ctrl-Z does. */
  pause(): void;
}

/** Whether a process ignores SIGHUP, by the text of its /proc/…/status. */
function ignoresHangup(status: string | null): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(constants.signals.SIGHUP - 1)) & 1n) === 1n;
}

/**
 * Whether the end of the terminal ends a command: not with `nohup`, after `trap '' HUP`, or where the output goes elsewhere. Node
 * sets ignored signals back when it starts, so that the parent's status says what this process began with. `statuses`: of this
 * process and its parent.
 */
export const endsWithTerminal = (isTerminal: boolean, statuses: readonly (string | null)[]): boolean =>
  isTerminal && !statuses.some(ignoresHangup);

const hangsUp = endsWithTerminal(
  process.stdout.isTTY,
  ['self', process.ppid].map((each) => readText(`/proc/${each}/status`)),
);

/** Called at the start of a program: a signal without a listener would end it. */
export function ignoreHangup(): void {
  if (!hangsUp) process.on('SIGHUP', () => undefined);
}

export const processIo: Io = {
  out: process.stdout,
  err: process.stderr,
  environment: process.env,
  set: (variable, value) => void (process.env[variable] = value),
  now: () => performance.now(),
  date: () => new Date(),
  stops: hangsUp ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : ['SIGINT', 'SIGTERM'],
  on: (signal, handler) => void process.on(signal, handler),
  off: (signal, handler) => void process.off(signal, handler),
  exit: (code) => process.exit(code),
  pause: () => void process.kill(process.pid, 'SIGSTOP'),
};

/** A closed pipe (`| head`) and a closed terminal are no failures. */
export function allowLostReaders(): void {
  let said = false;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'EIO') return;
      // Such as a full disk: the work goes on, and its results are on disk where possible.
      process.exitCode = exitCodes.failed;
      if (said || stream === process.stderr) return;
      said = true;
      process.stderr.write(`instar: the output cannot be written: ${error.message}\n`);
    });
}

/** All that commands print goes through here, but for the live display and JSON. */
export const printLines = (stream: NodeJS.WriteStream, lines: readonly string[]): void => {
  for (const line of lines) stream.write(`${shown(line)}\n`);
};

export const printJson = (stream: NodeJS.WriteStream, value: unknown): void => {
  stream.write(`${printableJson(value)}\n`);
};

/** The date of a report. */
export const writtenAt = (io: Io): string => `${io.date().toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** https://no-color.org */
export const hasColour = ({ environment }: Io, stream: NodeJS.WriteStream): boolean =>
  stream.isTTY && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';

/** Whether a display may be drawn and drawn again. */
export const isLive = ({ environment, err }: Io): boolean =>
  err.isTTY && environment['TERM'] !== 'dumb' && (environment['CI'] ?? '') === '';
