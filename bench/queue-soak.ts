/**
 * `npm run soak:queue`: a search of four steps on one machine, then twenty times the same on a queue with two workers and with faults
 * at random moments, in turn a single fault and all of them. Winner and epochs must be the same as on one machine, bit for bit.
 * Continues an earlier soak that was stopped, and writes results/queue-soak.md. `--rounds 40` for more.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { search } from '../src/run/driving/open.ts';
import { random } from '../src/util/random.ts';
import { version } from '../src/util/version.ts';
import {
  difference,
  disturbed,
  faults,
  fourSteps as options,
  startCluster,
  type Fault,
  type Planned,
} from '../test/support/disturbed.ts';
import { collect, winnerOf } from '../test/support/runs.ts';
import { soak, type Found } from './rounds.ts';

/** Not kept in git. */
const folder = resolve('.cache', 'queue-soak');
const report = join('results', 'queue-soak.md');

interface Round {
  readonly round: number;
  readonly happened: readonly string[];
  /** The seconds of the round. */
  readonly seconds: number;
  /** Null if the result is as on one machine. */
  readonly problem: string | null;
}

/** Odd rounds have one fault, each kind in turn. Even rounds have all of them. */
function plan(round: number, undisturbed: number): Planned[] {
  const stream = random('queue soak', round);
  const alone = round % 2 === 1 ? faults[((round - 1) / 2) % faults.length] : undefined;
  const chosen: readonly Fault[] = alone === undefined ? faults : [alone];
  return chosen.map((fault) => ({ fault, at: (0.05 + 0.85 * stream.float()) * undisturbed }));
}

function write({ winner, undisturbed, rounds }: Found<Round>): void {
  const failed = rounds.filter(({ problem }) => problem !== null).length;
  const rows = rounds.map(
    ({ round, happened, seconds, problem }) =>
      `| ${round} | ${happened.join('; ')} | ${seconds.toFixed(0)} s | ${problem === null ? 'yes' : `**no**: ${problem}`} |`,
  );
  mkdirSync('results', { recursive: true });
  writeFileSync(
    report,
    `${[
      '# Soak of the queue: faults between a search and its workers',
      '',
      'A search of four steps (8×8 images of four classes, the reference engine) on one machine, then on Redis 7 (appendfsync always)',
      'and an S3 store with two workers, each in a process of its own. In odd rounds one fault happens at a random moment, in even',
      'rounds all six. “As on one machine” means the same winner (hash of its checkpoint, test loss and accuracy), and the same epochs of',
      'the same networks with the same checkpoints: none lost, none counted twice.',
      '',
      `- command: \`npm run soak:queue\`; ${rounds.length} rounds, ${failed === 0 ? 'each as on one machine' : `**${failed} not as on one machine**`}`,
      `- undisturbed on the queue: ${undisturbed.toFixed(0)} s`,
      `- machine: ${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}, shared with other work`,
      `- versions: Instar ${version}, Node ${process.versions.node}`,
      `- winner: \`${winner}\``,
      '',
      '| round | faults | time | as on one machine |',
      '| ---: | --- | ---: | --- |',
      ...rows,
    ].join('\n')}\n`,
  );
}

const local = join(folder, 'local');
const cluster = await startCluster(join(folder, `servers-${process.pid}`));
try {
  await soak<Round>({
    folder,
    // The folder of the data differs between processes; its content is the same.
    of: JSON.stringify({ settings: options.settings, version, node: process.versions.node }),
    count: process.argv[2] === '--rounds' ? Number(process.argv[3]) : 20,
    kept: () => existsSync(local),
    async undisturbed() {
      rmSync(local, { recursive: true, force: true });
      await collect(search({ ...options, run: local }));
      const run = join(folder, 'undisturbed');
      rmSync(run, { recursive: true, force: true });
      const { seconds } = await disturbed(cluster, options, run, []);
      const problem = difference(run, local);
      if (problem !== null) throw new Error(problem);
      return { winner: winnerOf(local), undisturbed: seconds };
    },
    async disturbed(round, { undisturbed }) {
      const run = join(folder, `round-${round}`);
      rmSync(run, { recursive: true, force: true });
      const { happened, seconds, said } = await disturbed(cluster, options, run, plan(round, undisturbed));
      const problem = difference(run, local);
      if (problem === null) rmSync(run, { recursive: true, force: true });
      else writeFileSync(`${run}.log`, said);
      return { round, happened, seconds, problem };
    },
    describe: ({ happened, seconds, problem }) =>
      `${seconds.toFixed(0)} s: ${happened.join('; ')}: ${problem ?? 'as on one machine'}`,
    failed: ({ problem }) => problem !== null,
    write,
  });
} finally {
  await cluster.close();
  rmSync(cluster.folder, { recursive: true, force: true });
}
