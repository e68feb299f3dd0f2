/** The curves of a run that the comparison overlays: those of the winner's lineage, as in the report. Pure. */
import { curveOf } from '../../../report/figures/validation.ts';
import { startOf, type RunDetails } from '../../../report/run-details.ts';
import { lineage, validationOf } from '../../../search/state.ts';
import { subjectOfRun, type LiveRun } from '../run-store.ts';

/** As many as have colours of their own. */
export const mostRuns = 8;

/** x ascending. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface Curves {
  readonly subject: RunDetails;
  /** Validation accuracy, %, by epochs of the winner's lineage. */
  readonly byEpochs: Curve;
  /** Validation accuracy, %, by active seconds. */
  readonly byTime: Curve;
  /** Training loss by epochs. */
  readonly loss: Curve;
  /** Validation accuracy, %, of the winners of the steps by their parameters. */
  readonly bySize: Curve;
}

/** Of points with equal x the last is kept. */
function curve(points: readonly { readonly x: number; readonly y: number }[]): Curve {
  const byX = new Map(points.map(({ x, y }) => [x, y] as const));
  const all = [...byX].toSorted(([a], [b]) => a - b);
  return { x: all.map(([x]) => x), y: all.map(([, y]) => y) };
}

const known = new WeakMap<LiveRun['view']['run'], Curves>();

export function curvesOf(run: LiveRun): Curves {
  const made = known.get(run.view.run);
  if (made !== undefined && made.subject.condition === run.condition) return made;
  const subject = subjectOfRun(run);
  const { search } = subject.state;
  const winners = subject.grown === null ? [] : lineage(search, subject.grown);
  const ids = new Set(winners.map(({ id }) => id));
  const curves: Curves = {
    subject,
    byEpochs: curve(winners.flatMap((winner) => curveOf(subject, winner)).map(({ x, y }) => ({ x, y: 100 * y }))),
    byTime: curve(
      run.entries.flatMap((entry) =>
        entry.type === 'epoch' && ids.has(entry.line) && entry.validation !== null
          ? [{ x: entry.t, y: 100 * entry.validation.accuracy }]
          : [],
      ),
    ),
    loss: curve(
      winners.flatMap(({ parent, epochs }) =>
        epochs.map(({ epoch, loss }) => ({ x: startOf(subject, parent) + epoch, y: loss })),
      ),
    ),
    bySize: curve(
      winners.flatMap(({ id, parameters }) => {
        const measured = validationOf(search, id);
        return measured === null ? [] : [{ x: parameters, y: 100 * measured.accuracy }];
      }),
    ),
  };
  known.set(run.view.run, curves);
  return curves;
}
