/** The network's probabilities: calibration, and each class against the rest. */
import { formatPercent, formatWhole, plural } from '../../util/words.ts';
import { atThresholds, calibrationFigure, classCurveSvgs, formatArea } from '../figures/judgement.ts';
import { inlineSvg } from '../figure.ts';
import { bestTemperature, calibrationOf, classCurves, type ClassCurve } from '../judgement.ts';
import { html, type Content, type Markup } from '../markup.ts';
import type { Judged } from '../mistakes.ts';
import { figureHtml, folded, numbers, scrollingTable, texts } from './parts.ts';

/** With more classes the curves are shown of those with the least area, and the others are in the table. */
const mostCurves = 20;

const shareOf = (value: number | null): string => (value === null ? '–' : formatPercent(value));

/** The curves of a class, and what is taken at a threshold that can be moved. */
function classBlock(name: string, curve: ClassCurve, prefix: string, index: number): Markup {
  const { roc, precision } = classCurveSvgs(curve);
  const rates = atThresholds(curve);
  const rows = rates
    .filter((_each, at) => at % 10 === 0)
    .map(({ threshold, truePositives, falsePositives, precision: share, recall, falsePositiveRate }): readonly Content[] => [
      threshold.toFixed(2),
      shareOf(share),
      shareOf(recall),
      shareOf(falsePositiveRate),
      formatWhole(truePositives),
      formatWhole(falsePositives),
    ]);
  const columns = numbers('threshold', 'precision', 'recall', 'false positive rate', 'true positives', 'false positives');
  const id = `${prefix}-threshold-${index}`;
  const counts = rates.map(({ truePositives, falsePositives }) => `${truePositives} ${falsePositives}`).join(';');
  return folded(
    html`<strong>${name}</strong>
      <span class="quiet">area ${formatArea(curve.area)}, average precision ${formatArea(curve.averagePrecision)}</span>`,
    html`<div class="curves">
      ${inlineSvg(roc, `Receiver operating characteristic of ${name}, area ${formatArea(curve.area)}`)}${inlineSvg(precision, `Precision against recall of ${name}, average precision ${formatArea(curve.averagePrecision)}`)}
    </div>`,
    html`<p class="threshold" data-counts="${counts}" data-of="${curve.positives} ${curve.negatives}" hidden>
      <label for="${id}">Taken for ${name} from a probability of</label>
      <input id="${id}" type="range" min="0" max="1" step="0.01" value="0.5" />
      <output for="${id}"></output>
    </p>`,
    scrollingTable(`Thresholds of ${name}`, 'What is taken for the class from a probability on', columns, rows),
  );
}

export function judgementHtml(
  { part, all, predictions }: Judged,
  classes: readonly string[],
  trainedOn: boolean,
  prefix: string,
): Markup {
  const count = predictions.labels.length;
  if (count === 0) return html``;
  const calibration = calibrationOf(predictions);
  const temperature = bestTemperature(predictions);
  const fitted = calibrationOf(predictions, temperature);
  const curves = classCurves(predictions);
  const nameOf = (index: number): string => classes[index] ?? `class ${index}`;
  const areas = curves.map((curve, index) => [
    nameOf(index),
    formatWhole(curve.positives),
    formatArea(curve.area),
    formatArea(curve.averagePrecision),
  ]);
  const shown = curves
    .map((curve, index) => ({ curve, index }))
    .filter(({ curve }) => curve.area !== null)
    .toSorted((a, b) => (a.curve.area ?? 2) - (b.curve.area ?? 2))
    .slice(0, mostCurves);
  const which =
    count === all ? `the ${plural(all, `${part} image`)}` : `${formatWhole(count)} of the ${plural(all, `${part} image`)}`;
  const seen =
    part === 'validation' && trainedOn ? ' The network was trained on these images, so that it looks better than it is.' : '';
  return html`<h3>Probabilities</h3>
    <p>
      Of ${which}: expected calibration error ${formatPercent(calibration.error)}, in 15 bins; loss
      ${calibration.loss.toFixed(3)}. Logits divided by ${temperature.toFixed(2)} would fit these images best: error
      ${formatPercent(fitted.error)}, loss ${fitted.loss.toFixed(3)}.${seen}
    </p>
    <div class="figures">
      ${figureHtml(prefix, calibrationFigure(calibration, part))}
      <div class="changes">
        <h4>One class against the rest</h4>
        ${shown.map(({ curve, index }) => classBlock(nameOf(index), curve, prefix, index))}
        ${folded('Areas as a table', scrollingTable('Areas under curves', 'Area under the receiver operating characteristic, and average precision', [...texts('class'), ...numbers('images', 'area', 'average precision')], areas))}
      </div>
    </div>`;
}
