/** What a search would come to on this machine, as `instar plan --json` foretells it. It computes nothing. */
import { formatDuration } from '../../../util/duration.ts';
import { formatCount, formatWhole, plural } from '../../../util/words.ts';

interface Trained {
  readonly size: { readonly parameters: number; readonly multiplyAdds: number };
  readonly epochs: number;
  readonly minibatches: number;
}

const phaseWords = {
  beginning: 'beginning',
  vanilla: 'vanilla network',
  steps: 'steps',
  final: 'final training',
  test: 'test',
  baseline: 'baseline',
  export: 'export',
} as const;

/** What of a plan is shown; times are seconds. */
export interface ShownPlan {
  readonly images: { readonly train: number; readonly validation: number };
  readonly forecast: {
    readonly phases: readonly { readonly name: keyof typeof phaseWords; readonly seconds: number; readonly until: number }[];
    readonly vanilla: Trained;
    readonly steps: readonly {
      readonly step: number;
      readonly children: readonly Trained['size'][];
      readonly rungs: readonly { readonly size: number; readonly epochs: number }[];
      readonly seconds: number;
      readonly ends: boolean;
    }[];
    readonly stop: 'steps' | 'time' | 'limits' | 'open';
    readonly final: Trained | null;
    readonly baseline: Trained | null;
    readonly minibatches: number;
    readonly seconds: number;
  };
  readonly measured: { readonly reading: number; readonly seconds: number };
}

const stopWords: { readonly [Stop in ShownPlan['forecast']['stop']]: string } = {
  steps: 'The search ends with its steps.',
  time: 'The search ends with its time.',
  limits: 'The search ends where the limits allow no further mutation.',
  open: 'No end of the search is foretold: steps or a budget give it one.',
};

interface Row {
  readonly phase: string;
  readonly what: string;
  readonly size: string;
  readonly seconds: number;
  readonly until: number | null;
}

/** Steps that have a row each. */
const mostSteps = 6;

const epochWords = (epochs: number): string =>
  `${Number(epochs.toFixed(epochs < 10 ? 1 : 0))} ${epochs === 1 ? 'epoch' : 'epochs'}`;

const trained = (phase: string, of: Trained, seconds: number, until: number): Row => ({
  phase,
  what: `${epochWords(of.epochs)}, ${plural(of.minibatches, 'minibatch', 'minibatches')}`,
  size: formatCount(of.size.multiplyAdds),
  seconds,
  until,
});

function sizesOf(children: readonly Trained['size'][]): string {
  const all = children.map(({ multiplyAdds }) => multiplyAdds);
  const [least, most] = [formatCount(Math.min(...all)), formatCount(Math.max(...all))];
  return least === most ? most : `${least} to ${most}`;
}

function stepRows({ steps }: ShownPlan['forecast'], from: number): readonly Row[] {
  let until = from;
  const rows = steps.map(({ step, rungs, children, seconds, ends }): Row => {
    until += seconds;
    const ladder = rungs.map(({ size, epochs }) => `${size}×${epochs}`).join(' ');
    return { phase: `step ${step}`, what: `${ladder}${ends ? '' : ', cut short'}`, size: sizesOf(children), seconds, until };
  });
  if (rows.length <= mostSteps) return rows;
  const middle = rows.slice(mostSteps - 2, -1);
  const seconds = middle.reduce((sum, row) => sum + row.seconds, 0);
  return [
    ...rows.slice(0, mostSteps - 2),
    { phase: `${middle.length} steps more`, what: '', size: '', seconds, until: middle.at(-1)?.until ?? null },
    ...rows.slice(-1),
  ];
}

function rowsOf({ forecast }: ShownPlan): readonly Row[] {
  return forecast.phases.flatMap(({ name, seconds, until }): readonly Row[] => {
    const phase = phaseWords[name];
    switch (name) {
      case 'vanilla':
        return [trained(phase, forecast.vanilla, seconds, until)];
      case 'steps':
        return stepRows(forecast, until - seconds);
      case 'final':
        return forecast.final === null ? [] : [trained(phase, forecast.final, seconds, until)];
      case 'baseline':
        return forecast.baseline === null ? [] : [trained(phase, forecast.baseline, seconds, until)];
      case 'beginning':
      case 'test':
      case 'export':
        return [{ phase, what: '', size: '', seconds, until }];
    }
  });
}

export function PlanTable({ plan }: { readonly plan: ShownPlan }) {
  const { forecast, images, measured } = plan;
  return (
    <>
      <p class="result">
        About <strong>{formatDuration(forecast.seconds)}</strong>, {plural(forecast.steps.length, 'step')}.
      </p>
      <p class="note">
        {stopWords[forecast.stop]} {formatWhole(images.train)} images train, {formatWhole(images.validation)} validate. Measured
        here in {formatDuration(measured.seconds)}.
      </p>
      <div class="scroll" role="region" tabIndex={0} aria-label="The plan">
        <table class="plan">
          <thead>
            <tr>
              <th scope="col">phase</th>
              <th scope="col">what</th>
              <th scope="col" class="number">
                multiply-adds
              </th>
              <th scope="col" class="number">
                takes
              </th>
              <th scope="col" class="number">
                until
              </th>
            </tr>
          </thead>
          <tbody>
            {rowsOf(plan).map(({ phase, what, size, seconds, until }) => (
              <tr key={phase}>
                <th scope="row">{phase}</th>
                <td>{what}</td>
                <td class="number">{size}</td>
                <td class="number">{formatDuration(seconds)}</td>
                <td class="number">{until === null ? '' : formatDuration(until)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="note">
        A step such as 8×5 4×10 trains eight children for five epochs each, then the better four for ten. Which child wins is not
        foretold.
      </p>
    </>
  );
}
