/** The curves of a run. */
import { useMemo } from 'preact/hooks';
import type uPlot from 'uplot';
import { agreementFigure } from '../../../report/figures/agreement.ts';
import { finalFigure } from '../../../report/figures/final.ts';
import { learningRateFigure } from '../../../report/figures/learning-rate.ts';
import { sizeFigure } from '../../../report/figures/size.ts';
import { searchedCandidates, validationFigure } from '../../../report/figures/validation.ts';
import { startOf, type RunDetails } from '../../../report/run-details.ts';
import { formatLoss } from '../../../util/words.ts';
import { ReportFigure } from '../parts.tsx';
import { colour, plotAxis, usePlot } from '../plot.ts';

/** A column per epoch, a row per candidate; null where a candidate has no such epoch. */
function columnsOf(subject: RunDetails) {
  const candidates = searchedCandidates(subject).filter(({ epochs }) => epochs.length > 0);
  const starts = candidates.map(({ parent }) => startOf(subject, parent));
  const last = Math.max(0, ...candidates.map(({ epochs }, index) => (starts[index] ?? 0) + (epochs.at(-1)?.epoch ?? 0)));
  const x = Array.from({ length: last }, (_none, index) => index + 1);
  const rows = candidates.map(({ epochs }, index) => {
    const row: (number | null)[] = x.map(() => null);
    for (const { epoch, loss } of epochs) row[(starts[index] ?? 0) + epoch - 1] = loss;
    return row;
  });
  const names = candidates.map(({ id }) => ({ id, won: subject.winners.has(id) }));
  return { names, data: [x, ...rows] satisfies uPlot.AlignedData };
}

/** Over the epochs of the search: drag to zoom, values under the cursor. */
function LossCurves({ subject }: { readonly subject: RunDetails }) {
  const { names, data } = useMemo(() => columnsOf(subject), [subject]);
  const { place } = usePlot({
    key: names.map(({ id, won }) => `${id}${won ? '*' : ''}`).join(),
    data,
    height: 260,
    // Hundreds of curves take a second.
    lazy: true,
    keepsScales: true,
    options: () => ({
      scales: { x: { time: false } },
      axes: [plotAxis('epochs along the winner’s lineage'), plotAxis('training loss', { size: 56 })],
      legend: { show: names.length <= 12 },
      series: [
        { label: 'epoch' },
        ...names.map(({ id, won }): uPlot.Series => ({
          label: id,
          stroke: colour(won ? 'accent' : 'other'),
          width: won ? 2.4 : 1,
          points: { show: false },
          value: (_plot, value) => (value === null ? '–' : formatLoss(value)),
        })),
      ],
    }),
  });
  return (
    <figure>
      <figcaption>
        <strong>Training loss.</strong> Each network: mean over an epoch’s augmented minibatches; the winners are thick. Drag to
        zoom in, double-click to zoom out.
      </figcaption>
      <div ref={place} class="chart" role="img" aria-label="Training loss of each network over the epochs of the search" />
    </figure>
  );
}

export function CurvesTab({ subject }: { readonly subject: RunDetails }) {
  const figures = useMemo(
    () => ({
      validation: validationFigure(subject),
      small: [sizeFigure(subject), agreementFigure(subject), finalFigure(subject), learningRateFigure(subject)],
    }),
    [subject],
  );
  if (figures.validation === null) return <p class="empty">There is no curve yet: nothing has been validated.</p>;
  return (
    <>
      <ReportFigure figure={figures.validation} prefix="run" />
      <LossCurves subject={subject} />
      <div class="figures">
        {figures.small.map((figure, index) => (
          <ReportFigure key={index} figure={figure} prefix="run" />
        ))}
      </div>
    </>
  );
}
