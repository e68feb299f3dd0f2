/** The forecast of `instar plan --json` as a table. */
import { planRows, stopWords } from '../../../run/planning/plan-rows.ts';
import type { PlanReport } from '../../../run/planning/plan.ts';
import { formatDuration } from '../../../util/duration.ts';
import { formatWhole, plural } from '../../../util/words.ts';

export function PlanTable({ plan }: { readonly plan: PlanReport }) {
  const { forecast, images, measured } = plan;
  return (
    <>
      <p class="result">
        About <strong>{formatDuration(forecast.seconds)}</strong>, {plural(forecast.steps.length, 'step')}.
      </p>
      <p class="note">
        {stopWords[forecast.stop]} {formatWhole(images.train)} images train, {formatWhole(images.validation)} validate. Measured
        in {formatDuration(measured.seconds)}.
      </p>
      <div class="scroll" role="region" tabIndex={0} aria-label="Phases of the search">
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
            {planRows(plan).map(({ phase, what, size, seconds, until }) => (
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
        A step such as 8×5 4×10 trains eight children for five epochs each, then the better four for ten. Each next step is
        assumed to start from a child of middle size.
      </p>
    </>
  );
}
