/**
 * How the benchmarks measure: the sides of a comparison take turns within one run, one step each, so that whatever else the
 * machine does hits all of them alike. The best of many rounds is what a quiet machine would give; the median is told too.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Something that can do one step of work at a time. */
export interface Contender {
  readonly name: string;
  /** Milliseconds. */
  step(): Promise<number>;
  close(): void;
}

export interface Measured {
  readonly name: string;
  /** Milliseconds a step. */
  readonly best: number;
  readonly median: number;
}

/** Lets each warm up for some steps, and then all take turns for some rounds. */
export async function interleave(contenders: readonly Contender[], rounds: number, warmUp = 3): Promise<readonly Measured[]> {
  const times = contenders.map((): number[] => []);
  for (const contender of contenders) for (let i = 0; i < warmUp; i++) await contender.step();
  for (let round = 0; round < rounds; round++)
    for (const [index, contender] of contenders.entries()) times[index]?.push(await contender.step());
  return contenders.map(({ name }, index) => {
    const sorted = (times[index] as number[]).toSorted((a, b) => a - b);
    return { name, best: sorted[0] as number, median: sorted[sorted.length >> 1] as number };
  });
}

/**
 * A child process that says `ready` and then, for each line `N` on its standard input, does N steps and prints the
 * milliseconds that they took. Undefined where it ends before it is ready.
 */
export async function childContender(
  name: string,
  command: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Contender | undefined> {
  const child = spawn(command, parameters, {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = new Promise<undefined>((resolve) => child.once('error', () => resolve(undefined)));
  const first = await Promise.race([lines.next(), failed]);
  if (first === undefined || first.done === true || !first.value.startsWith('ready')) {
    child.kill();
    return undefined;
  }
  const suffix = first.value.slice('ready'.length).trim();
  return {
    name: suffix === '' ? name : `${name} ${suffix}`,
    async step() {
      child.stdin.write('1\n');
      const line = await lines.next();
      if (line.done === true) throw new Error(`${name} ended early`);
      return Number(line.value);
    },
    close: () => void child.stdin.end(),
  };
}

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Images a second of each, best and median. */
export function sayImages(results: readonly Measured[], batch: number): void {
  for (const { name, best, median } of results)
    say(
      `  ${name.padEnd(44)} ${((1000 * batch) / best).toFixed(0).padStart(6)} images/s best, ${((1000 * batch) / median).toFixed(0).padStart(6)} median (${best.toFixed(1)} and ${median.toFixed(1)} ms a step)`,
    );
}

/** The speed of the first over that of another, with what is asked for. */
export function sayRatio(first: Measured, other: Measured, atLeast: number | null): void {
  const best = other.best / first.best;
  const median = other.median / first.median;
  const verdict = atLeast === null ? '' : `; at least ${atLeast.toFixed(2)} wanted: ${best >= atLeast ? 'reached' : 'MISSED'}`;
  say(`  ${first.name} / ${other.name}: ${best.toFixed(2)} × (median ${median.toFixed(2)} ×)${verdict}`);
}
