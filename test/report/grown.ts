/** A run of many steps without training: real networks and edits, accuracies that rise as they would, the same each time. */
import type { Config } from '../../src/run/record/config.ts';
import type { Entry, RunEvent } from '../../src/run/record/events.ts';
import { replay } from '../../src/run/record/replay.ts';
import type { RunRead } from '../../src/report/run-details.ts';
import type { SearchEvent } from '../../src/search/events.ts';
import { next, type Task } from '../../src/search/next.ts';
import { presets, type Settings } from '../../src/search/settings.ts';
import type { MethodName } from '../../src/search/methods/table.ts';
import { candidateOf, validationOf, type SearchState } from '../../src/search/state.ts';
import { random } from '../../src/util/random.ts';
import { contextOf, eventsOf, simulate } from '../support/simulation.ts';

export interface GrownOptions {
  readonly method?: MethodName;
  readonly steps?: number;
  readonly children?: number;
  /** Of a step. */
  readonly epochs?: number;
  readonly mutations?: number;
  readonly classes?: readonly string[];
  readonly baseline?: boolean;
  readonly name?: string;
  /** Other edits, accuracies and answers. */
  readonly seed?: number;
  /** Instead of what happened, such as a failure. */
  readonly instead?: (task: Task, state: SearchState) => SearchEvent[] | null;
  /** Of the journal, that many events; the run then goes on. */
  readonly until?: number;
}

const threeClasses = ['round', 'square', 'pointed'];

/** A child gains more the longer it trains, and falls at first, as after a restart. */
function accuracyOf(state: SearchState, line: string, epoch: number, seeded: readonly number[]): number {
  const { parent } = candidateOf(state, line);
  const from = parent === null ? 0.3 : (validationOf(state, parent)?.accuracy ?? 0.3);
  const gain = 0.04 + 0.05 * random('gain', line, ...seeded).float();
  const noise = 0.02 * (random('noise', line, epoch, ...seeded).float() - 0.5);
  const rise =
    parent === null ? 0.3 * (1 - Math.exp(-epoch / 6)) : gain * (1 - Math.exp(-epoch / 12)) - 0.03 * Math.exp(-epoch / 3);
  return Math.round(1000 * Math.min(0.98, from + rise + noise)) / 1000;
}

const confusionOf = (classes: number, seeded: readonly number[]): number[][] =>
  Array.from({ length: classes }, (_none, label) =>
    Array.from({ length: classes }, (_none2, seen) =>
      label === seen
        ? 80 + random('right', label, ...seeded).integer(15)
        : random('wrong', label, seen, ...seeded).integer(Math.ceil(30 / classes)),
    ),
  );

export function grownRun(options: GrownOptions = {}): RunRead {
  const {
    method = 'shr',
    steps = 5,
    children = 8,
    epochs = 160,
    mutations = 5,
    classes = threeClasses,
    baseline = false,
    seed,
  } = options;
  const seeded = seed === undefined ? [] : [seed];
  const settings: Settings = {
    ...presets.paper,
    seed: seed ?? presets.paper.seed,
    method,
    widths: [2, 3],
    batch: 10,
    baseline,
    step: { ...presets.paper.step, children, epochs, mutations },
    limits: { ...presets.paper.limits, steps, memory: 2 ** 31, multiplyAdds: 20_000_000 },
    final: { epochs: 30, rate: 0.025 },
  };
  const context = { ...contextOf(settings), counts: { ...contextOf().counts, classes: classes.length } };
  const { events } = simulate(context, {
    // Up to three candidates train at the same time, where a method has no barrier between rungs.
    before(state) {
      const decision = next(state, context);
      return decision.kind === 'work' && decision.tasks.length < 3 ? (decision.whenIdle ?? null) : null;
    },
    instead(task, state) {
      const given = options.instead?.(task, state) ?? null;
      if (given !== null) return given;
      return eventsOf(task, context).map((event): SearchEvent => {
        if (event.type === 'grown') return { ...event, certificate: { evaluation: 1.5e-7, training: 0.0004 } };
        if (event.type !== 'epoch') return event;
        const loss = 1.9 * Math.exp(-event.epoch / 40) + 0.4 + 0.04 * random('loss', event.line, event.epoch).float();
        const accuracy = accuracyOf(state, event.line, event.epoch, seeded);
        return { ...event, loss, validation: event.validation === null ? null : { loss: 2 * (1 - accuracy), accuracy } };
      });
    },
  });
  const confusion = confusionOf(classes.length, seeded);
  const total = confusion.flat().reduce((sum, each) => sum + each, 0);
  const right = confusion.reduce((sum, row, label) => sum + (row[label] ?? 0), 0);
  const told: RunEvent[] = [
    { type: 'run', format: 1, instar: '0.1.0' },
    ...events.map((event): RunEvent =>
      event.type === 'test'
        ? {
            ...event,
            confusion,
            measured: { loss: 0.5, accuracy: event.line === 'final' ? right / total : right / total - 0.04 },
          }
        : event,
    ),
  ];
  const entries = told
    .slice(0, options.until)
    .map(
      (event, n): Entry => ({ n, t: 3 * n, at: new Date(Date.UTC(2026, 0, 2, 3, 0, 3 * n)).toISOString(), ...event }) as Entry,
    );
  const config: Config = {
    format: 1,
    instar: '0.1.0',
    node: '20.20.2',
    platform: 'linux x64',
    preset: 'paper',
    settings,
    data: {
      reference: 'shapes',
      imageSize: null,
      folder: null,
      path: '/cache/shapes.safetensors',
      hash: '0'.repeat(64),
      name: 'shapes',
      classes: [...classes],
      shape: context.counts.shape,
      mean: [0.5],
      std: [0.25],
      trainImages: 144,
      testImages: total,
    },
    from: null,
    vanilla: null,
    engine: { name: 'onednn', device: 'cpu', convolution: 'auto', version: '2.6.3', instructionSet: 'avx2' },
    workers: 2,
    budget: null,
  };
  return {
    name: options.name ?? 'shapes',
    config,
    state: replay(entries),
    entries,
    condition: options.until === undefined ? 'finished' : 'running',
    torn: 0,
    command: 'instar search shapes',
  };
}
