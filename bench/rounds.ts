/**
 * The frame of a soak: runs something once undisturbed, then many times with faults. Results are saved after each round, so that a
 * stopped soak continues. They are discarded if they belong to another configuration.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from './measure.ts';

export interface Found<Round> {
  /** Identifies what the rounds test. Saved rounds with another value are discarded. */
  readonly of: string;
  readonly winner: string;
  /** Seconds without faults. */
  readonly undisturbed: number;
  readonly rounds: readonly Round[];
}

export interface Soak<Round> {
  /** The folder for results so far, and for the files of the rounds. */
  readonly folder: string;
  readonly of: string;
  /** The number of rounds. */
  readonly count: number;
  /** Whether the results of an earlier call can be used. */
  readonly kept?: () => boolean;
  undisturbed(): Promise<Pick<Found<Round>, 'winner' | 'undisturbed'>>;
  /** Runs a round with faults; `round` counts from 1. */
  disturbed(round: number, found: Found<Round>): Promise<Round>;
  /** The round in one line. */
  describe(round: Round): string;
  failed(round: Round): boolean;
  write(found: Found<Round>): void;
}

/** Sets the exit code of the process to 1 if a round failed. */
export async function soak<Round>({ folder, of, count, ...it }: Soak<Round>): Promise<void> {
  const file = join(folder, 'state.json');
  mkdirSync(folder, { recursive: true });
  const keep = (found: Found<Round>): void => writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
  const read = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Found<Round>) : null;
  let found = read?.of === of && it.kept?.() !== false ? read : null;
  if (found === null) {
    say('undisturbed …');
    found = { of, ...(await it.undisturbed()), rounds: [] };
    keep(found);
  }
  say(`undisturbed: ${found.undisturbed.toFixed(1)} s, ${found.winner}`);
  for (let number = found.rounds.length + 1; number <= count; number++) {
    const round = await it.disturbed(number, found);
    found = { ...found, rounds: [...found.rounds, round] };
    keep(found);
    it.write(found);
    say(`${number} of ${count}: ${it.describe(round)}`);
  }
  it.write(found);
  if (found.rounds.some((round) => it.failed(round))) process.exitCode = 1;
}
