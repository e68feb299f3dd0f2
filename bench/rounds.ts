/**
 * The frame of a soak: something undisturbed once, then again and again while things go wrong. What was found is kept after each
 * round, so that a soak that was ended goes on, and is thrown away where it was of something else.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from './measure.ts';

export interface Found<Round> {
  /** What the rounds are compared with; they are thrown away where it does not fit any more. */
  readonly of: string;
  readonly winner: string;
  /** Seconds without a disturbance. */
  readonly undisturbed: number;
  readonly rounds: readonly Round[];
}

export interface Soak<Round> {
  /** For what was found so far, and whatever a round leaves. */
  readonly folder: string;
  readonly of: string;
  /** Rounds in all. */
  readonly count: number;
  /** Whether what an earlier call left can be compared with. */
  readonly kept?: () => boolean;
  undisturbed(): Promise<Pick<Found<Round>, 'winner' | 'undisturbed'>>;
  /** `round`: from 1. */
  disturbed(round: number, found: Found<Round>): Promise<Round>;
  /** In one line. */
  describe(round: Round): string;
  failed(round: Round): boolean;
  write(found: Found<Round>): void;
}

/** Sets the process's exit code to 1 where a round failed. */
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
