/** A study of simulated runs: four methods and two baselines, eight repetitions each, or less. */
import type { StudyRunDetails, StudyDetails } from '../../src/report/study/study.ts';
import { detailsOf, type RunDetails } from '../../src/report/run-details.ts';
import { presets } from '../../src/search/settings.ts';
import { methodNames, type MethodName } from '../../src/search/methods/table.ts';
import { lineage, candidateOf, validationOf, networkOf } from '../../src/search/state.ts';
import type { Arm, Outcome } from '../../src/study/result.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { grownRun, type GrownOptions } from './grown.ts';

export interface StudyOptions {
  readonly methods?: readonly MethodName[];
  readonly repetitions?: number;
  /** Of those, so many have ended. */
  readonly ended?: number;
  readonly run?: GrownOptions;
  readonly title?: string;
  /** Of each journal, that many events: no run has ended then. */
  readonly until?: number;
  /** Instead of the method's name. */
  readonly armName?: (method: MethodName) => string;
}

/** Methods whose steps are trainings of their own. */
const stepwise = methodNames.filter((name) => !['grow', 'tune', 'shrink'].includes(name));

/** So that methods differ; points. */
const worth: Readonly<Record<MethodName, number>> = {
  nash: 0,
  tune: 0,
  shrink: 0,
  sh: 0.3,
  shr: 0.9,
  shrsep: -1.1,
  asha: 0.5,
  grow: 80,
  random: -1.6,
  vanilla: -6,
};

function outcomeOf({ state, name }: RunDetails, method: MethodName, repetition: number): Outcome {
  const { search } = state;
  const line = must(search.stop, 'stop').line;
  const { parameters, multiplyAdds } = candidateOf(search, line);
  const test = 0.84 + (worth[method] + 0.4 * random('test', method, repetition).normal()) / 100;
  return {
    repetition,
    run: name,
    network: networkOf(search, line),
    test: Math.round(10_000 * test) / 10_000,
    validation: must(validationOf(search, line), 'validation').accuracy,
    parameters,
    multiplyAdds,
    epochs: lineage(search, 'final').reduce((sum, { epochs }) => sum + epochs.length, 0),
    seconds: 4000 + 10 * repetition,
    vanilla: [],
  };
}

export function simulatedStudy(options: StudyOptions = {}): StudyDetails {
  const { methods = stepwise, repetitions = 8, ended = repetitions, run, title = 'Table 2, small', armName, until } = options;
  const arms: Arm[] = [];
  const runs: StudyRunDetails[] = [];
  for (const method of methods) {
    const arm = armName?.(method) ?? method;
    const outcomes: Outcome[] = [];
    for (let repetition = 1; repetition <= ended; repetition++) {
      const name = `${arm}-${repetition}`;
      const details = detailsOf(
        grownRun({ steps: 3, ...run, method, seed: repetition, name, ...(until === undefined ? {} : { until }) }),
      );
      if (until === undefined) outcomes.push(outcomeOf(details, method, repetition));
      runs.push({ arm, repetition, details, report: repetition % 2 === 0 ? null : `${name}/report.html` });
    }
    arms.push({
      name: arm,
      method,
      baseline: method === 'random' || method === 'vanilla',
      augmentation: presets.paper.augmentation,
      outcomes,
    });
  }
  return {
    damaged: [],
    result: {
      title,
      kind: 'growth',
      scale:
        'CIFAR-10: 12,000 training images, 2,000 to validate; vanilla network 16-32-64 wide, 20 epochs; 3 steps of 8 children and 160 epochs (halving: 8×5 4×10 2×20 1×40); final training of 30 epochs.',
      repetitions,
      arms,
    },
    runs,
    file: `title: ${title}\ndataset: cifar10\nrepetitions: ${repetitions}\nmethods: [${methods.join(', ')}]\nsettings:\n  widths: [16, 32, 64]\n`,
    command: 'instar study studies/table-2-small.yaml',
  };
}
