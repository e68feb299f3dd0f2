/** The curves of a run that are laid over those of others: those of its winner's line, as the report draws them. Pure. */
import { curveOf } from '../../../report/figures/validation.ts';
import { startOf, type RunDetails } from '../../../report/run-details.ts';
import { lineage, validationOf } from '../../../search/state.ts';
import { subjectOfRun, type LiveRun } from '../run-store.ts';

/** x ascending. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface Curves {
  readonly subject: RunDetails;
  /** Validation accuracy, %, by epochs of the winner's line. */
  readonly byEpochs: Curve;
  /** The same, by active seconds. */
  readonly byTime: Curve;
  /** Learning loss, by epochs. */
  readonly loss: Curve;
  /** Validation accuracy, %, of the winners of the steps by their parameters. */
  readonly bySize: Curve;
}

/** Ascending by x; of equal ones the last. */
function curve(points: readonly { readonly x: number; readonly y: number }[]): Curve {
  const byX = new Map(points.map(({ x, y }) => [x, y] as const));
  const all = [...byX].toSorted(([a], [b]) => a - b);
  return { x: all.map(([x]) => x), y: all.map(([, y]) => y) };
}

const made = new WeakMap<LiveRun['view']['run'], Curves>();

export function curvesOf(run: LiveRun): Curves {
  const known = made.get(run.view.run);
  if (known !== undefined && known.subject.condition === run.condition) return known;
  const subject = subjectOfRun(run);
  const { search } = subject.state;
  const way = subject.grown === null ? [] : lineage(search, subject.grown);
  const own = new Set(way.map(({ id }) => id));
  const percent = ({ x, y }: { readonly x: number; readonly y: number }) => ({ x, y: 100 * y });
  const next: Curves = {
    subject,
    byEpochs: curve(way.flatMap((line) => curveOf(subject, line)).map(percent)),
    byTime: curve(
      run.entries.flatMap((entry) =>
        entry.type === 'epoch' && own.has(entry.line) && entry.validation !== null
          ? [{ x: entry.t, y: 100 * entry.validation.accuracy }]
          : [],
      ),
    ),
    loss: curve(
      way.flatMap((line) => line.epochs.map(({ epoch, loss }) => ({ x: startOf(subject, line.parent) + epoch, y: loss }))),
    ),
    bySize: curve(
      way.flatMap(({ id, parameters }) => {
        const measured = validationOf(search, id);
        return measured === null ? [] : [{ x: parameters, y: 100 * measured.accuracy }];
      }),
    ),
  };
  made.set(run.view.run, next);
  return next;
}
