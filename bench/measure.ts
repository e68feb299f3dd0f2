/**
 * How the benchmarks measure. The sides of a comparison take turns within one run, one step each, so that other load on the machine
 * affects them alike. Each step is measured in wall-clock time and in processor time of all threads of the process. The two agree on a
 * quiet machine; on a busy one, processor time excludes the time in which other processes ran. Ratios are of the best processor times;
 * the other figures are printed beside them.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length);

/** The sample standard deviation (n − 1). */
export function deviation(numbers: readonly number[]): number {
  const middle = mean(numbers);
  return Math.sqrt(numbers.reduce((sum, number) => sum + (number - middle) ** 2, 0) / Math.max(1, numbers.length - 1));
}

/** Milliseconds of one step. */
export interface Times {
  readonly wall: number;
  readonly processor: number;
}

/** One side of a comparison. It does one step of work at a time. */
export interface Contender {
  readonly name: string;
  step(): Promise<Times>;
  close(): void;
}

/** Milliseconds per step. */
export interface Statistics {
  readonly best: number;
  readonly median: number;
}

export interface Measured {
  readonly name: string;
  readonly wall: Statistics;
  readonly processor: Statistics;
}

function statisticsOf(times: readonly number[]): Statistics {
  const sorted = times.toSorted((a, b) => a - b);
  return { best: sorted[0] as number, median: sorted[sorted.length >> 1] as number };
}

/** Times some work in this process. */
export async function timed(work: () => Promise<void>): Promise<Times> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: performance.now() - start, processor: (user + system) / 1000 };
}

/** Each contender warms up for some steps; then all take turns for some rounds. */
export async function interleave(contenders: readonly Contender[], rounds: number, warmUp = 3): Promise<readonly Measured[]> {
  const times = contenders.map((): Times[] => []);
  for (const contender of contenders) for (let i = 0; i < warmUp; i++) await contender.step();
  for (let round = 0; round < rounds; round++)
    for (const [index, contender] of contenders.entries()) times[index]?.push(await contender.step());
  return contenders.map(({ name }, index) => ({
    name,
    wall: statisticsOf((times[index] ?? []).map((time) => time.wall)),
    processor: statisticsOf((times[index] ?? []).map((time) => time.processor)),
  }));
}

/**
 * A child process that prints `ready` and then, for each line `N` on its standard input, does N steps and prints the milliseconds that
 * they took, of wall-clock and of processor time. Undefined if it ends before it is ready.
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
      const [wall, processor] = line.value.split(' ').map(Number);
      if (wall === undefined || processor === undefined) throw new Error(`${name} printed ${line.value}`);
      return { wall, processor };
    },
    close: () => void child.stdin.end(),
  };
}

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

const images = (batch: number, milliseconds: number): string => ((1000 * batch) / milliseconds).toFixed(0).padStart(6);

/** Prints the images per second of each contender. */
export function sayImages(results: readonly Measured[], batch: number): void {
  for (const { name, wall, processor } of results)
    say(
      `  ${name.padEnd(30)} images/s:${images(batch, processor.best)} best, ${images(batch, processor.median)} median of processor time;` +
        `${images(batch, wall.best)} best, ${images(batch, wall.median)} median of wall-clock time`,
    );
}

/** Prints the speed of the first over that of the other, and whether it reaches `atLeast`. */
export function sayRatio(first: Measured, other: Measured, atLeast: number | null): void {
  const ratio = (time: (measured: Measured) => number): number => time(other) / time(first);
  const best = ratio(({ processor }) => processor.best);
  const rest = [
    `median ${ratio(({ processor }) => processor.median).toFixed(2)}`,
    `wall-clock ${ratio(({ wall }) => wall.best).toFixed(2)}, median ${ratio(({ wall }) => wall.median).toFixed(2)}`,
  ];
  const verdict = atLeast === null ? '' : `; at least ${atLeast.toFixed(2)} wanted: ${best >= atLeast ? 'reached' : 'MISSED'}`;
  say(`  ${first.name} / ${other.name}: ${best.toFixed(2)} × (${rest.join('; ')})${verdict}`);
}
