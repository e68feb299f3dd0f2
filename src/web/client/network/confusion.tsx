/** The confusion matrix of a part of the data, computed in this browser, with the images behind each cell. */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { classAccuracies } from '../../../report/figures/classes.ts';
import { frequentConfusions, level, widestMatrix } from '../../../report/sections/answers.ts';
import { formatPercent, formatWhole, plural } from '../../../util/words.ts';
import type { PartName } from '../../api.ts';
import { Alert, numeric, Pairs, Scrolling, TableHead } from '../parts.tsx';
import { PagedImages } from './paged-images.tsx';
import type { Evaluation, NetworkSession } from './session.ts';

interface ConfusionProps {
  readonly session: NetworkSession;
  readonly part: PartName;
  readonly classes: readonly string[];
  /** The accuracy in the journal; null where it has none. */
  readonly journal: number | null;
}

interface Cell {
  readonly label: number;
  readonly predicted: number;
}

type Matrix = readonly (readonly number[])[];

interface CellsProps {
  readonly part: PartName;
  readonly classes: readonly string[];
  readonly matrix: Matrix;
  /** A button that shows the images of a cell. */
  readonly button: (cell: Cell, count: number) => JSX.Element;
}

function comparison(right: number, count: number, journal: number | null): string {
  if (journal === null) return 'The journal has no accuracy to compare it with.';
  const expected = Math.round(journal * count);
  if (expected === right) return 'That is equal to the journal’s accuracy.';
  return `The journal says ${formatPercent(journal)}: ${plural(Math.abs(expected - right), 'image')} ${right > expected ? 'more' : 'fewer'} here. Engines round differently, which may change the prediction where two classes are almost equally likely.`;
}

/** A row per label, a column per predicted class. */
function matrixOf(classes: readonly string[], labels: readonly number[], { done, predicted }: Evaluation): Matrix {
  const rows = classes.map(() => classes.map(() => 0));
  for (let at = 0; at < done; at++) {
    const row = rows[labels[at] as number];
    if (row !== undefined) row[predicted[at] as number] = (row[predicted[at] as number] ?? 0) + 1;
  }
  return rows;
}

const FullMatrix = ({ part, classes, matrix, button }: CellsProps) => (
  <Scrolling label={`Confusion matrix, ${part} images`}>
    <table class="confusion net-cells">
      <caption>Rows: labels; columns: predictions. Select a cell to see its images</caption>
      <TableHead columns={['class', ...classes.map((title) => ({ title, upright: true })), numeric('accuracy')]} />
      <tbody>
        {classAccuracies(classes, matrix).map(({ name, share, count }, label) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {(matrix[label] ?? []).map((cell, predicted) => (
              <td key={predicted} class={`h${level(cell, count)}${label === predicted ? ' right' : ''}`}>
                {cell === 0 ? <span class="quiet">·</span> : button({ label, predicted }, cell)}
              </td>
            ))}
            <td class="number">{share === null ? '–' : formatPercent(share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scrolling>
);

/** Of so many classes that a matrix would be too wide. */
const FrequentMistakes = ({ part, classes, matrix, button }: CellsProps) => (
  <>
    <Scrolling label={`Most frequent mistakes, ${part} images`}>
      <table>
        <caption>The most frequent mistakes. Select a number to see its images</caption>
        <TableHead columns={['class', 'predicted', numeric('images')]} />
        <tbody>
          {frequentConfusions(classes, matrix).map(({ label, predicted, count }) => (
            <tr key={`${label} ${predicted}`}>
              <th scope="row">{label}</th>
              <td>{predicted}</td>
              <td class="number">{button({ label: classes.indexOf(label), predicted: classes.indexOf(predicted) }, count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
    <details>
      <summary>Accuracy by class</summary>
      <Pairs
        pairs={classAccuracies(classes, matrix).map(({ name, share, right, count }) => [
          name,
          `${share === null ? '–' : formatPercent(share)} (${right} of ${count})`,
        ])}
      />
    </details>
  </>
);

function CellImages({ evaluation, classes, cell }: { evaluation: Evaluation; classes: readonly string[]; cell: Cell }) {
  const { images, done, predicted, confidence, ofLabel } = evaluation;
  const labels = images?.facts.labels ?? [];
  const numbers = useMemo(
    () => Array.from(labels.slice(0, done).keys()).filter((at) => labels[at] === cell.label && predicted[at] === cell.predicted),
    [cell, done, predicted, labels],
  );
  if (images === null) return null;
  const [label, prediction] = [classes[cell.label] ?? '', classes[cell.predicted] ?? ''];
  const percent = (share: number | undefined): string => `${(100 * (share ?? 0)).toFixed(0)} %`;
  return (
    <div class="net-behind" aria-live="polite">
      <h4>
        {label}, predicted {prediction}: {plural(numbers.length, 'image')}
      </h4>
      <PagedImages
        label={`${label}, predicted ${prediction}`}
        images={images}
        numbers={numbers}
        nameOf={(at) => `Image ${at}`}
        caption={(at) =>
          `${percent(confidence[at])} ${prediction}${cell.label === cell.predicted ? '' : `, ${percent(ofLabel[at])} ${label}`}`
        }
      />
    </div>
  );
}

function Progress({ session, part, evaluation }: { session: NetworkSession; part: PartName; evaluation: Evaluation }) {
  const { images, done, running } = evaluation;
  const count = images?.facts.count ?? null;
  const isComplete = done === count;
  return (
    <div class="net-progress">
      {isComplete && !running ? null : (
        <button type="button" onClick={() => (running ? session.stop(part) : session.evaluate(part))}>
          {running ? 'Stop' : done === 0 ? `Evaluate the ${part} images` : 'Continue'}
        </button>
      )}
      {running || (done > 0 && !isComplete) ? (
        <>
          <progress max={Math.max(1, count ?? 0)} value={done} aria-label={`evaluated ${part} images`} />
          <span role="status">
            {formatWhole(done)} of {count === null ? '…' : formatWhole(count)}
          </span>
        </>
      ) : null}
    </div>
  );
}

export function Confusion({ session, part, classes, journal }: ConfusionProps) {
  const evaluation = session.evaluation(part).value;
  const [cell, setCell] = useState<Cell | null>(null);
  const { images, done, predicted, running, problem } = evaluation;
  const matrix = useMemo(() => matrixOf(classes, images?.facts.labels ?? [], evaluation), [done, predicted, images, classes]);
  const right = matrix.reduce((sum, row, label) => sum + (row[label] ?? 0), 0);
  const isComplete = done === images?.facts.count;
  const button = (own: Cell, count: number) => (
    <button
      type="button"
      aria-pressed={cell?.label === own.label && cell.predicted === own.predicted}
      aria-label={`${plural(count, 'image')}: ${classes[own.label]}, predicted ${classes[own.predicted]}`}
      onClick={() => setCell(own)}
    >
      {count}
    </button>
  );
  const Cells = classes.length <= widestMatrix ? FullMatrix : FrequentMistakes;
  return (
    <div class="net-confusion" data-part={part}>
      <Progress session={session} part={part} evaluation={evaluation} />
      <Alert text={problem} />
      {done === 0 || running ? null : (
        <>
          <p class="net-compared">
            {formatPercent(right / done)} of {isComplete ? 'the' : 'the first'} {plural(done, `${part} image`)} are right (
            {formatWhole(right)}). {isComplete ? comparison(right, done, journal) : ''}
          </p>
          <Cells part={part} classes={classes} matrix={matrix} button={button} />
          {cell === null ? null : <CellImages evaluation={evaluation} classes={classes} cell={cell} />}
        </>
      )}
    </div>
  );
}
