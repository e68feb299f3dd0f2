/** The confusion matrix of a part of the data, computed in this browser, with the images behind each cell. */
import { useMemo, useState } from 'preact/hooks';
import { classAccuracies } from '../../../report/figures/classes.ts';
import { frequentConfusions, level, widestMatrix } from '../../../report/sections/answers.ts';
import { formatPercent, formatWhole, plural } from '../../../util/words.ts';
import type { PartName } from '../../api.ts';
import { PagedImages } from './paged-images.tsx';
import type { NetworkSession } from './session.ts';

export interface ConfusionProps {
  readonly session: NetworkSession;
  readonly part: PartName;
  readonly classes: readonly string[];
  /** What the journal says of the network as it is computed here: the share that is right. Null: nothing. */
  readonly journal: number | null;
}

interface Cell {
  readonly label: number;
  readonly seen: number;
}

/** The journal's number is one of these images more or less. */
function compared(right: number, count: number, journal: number | null): string {
  if (journal === null) return 'The journal has no number to compare it with.';
  const theirs = Math.round(journal * count);
  if (theirs === right) return 'That is equal to the journal’s.';
  return `The journal says ${formatPercent(journal)}: ${plural(Math.abs(theirs - right), 'image')} ${right > theirs ? 'more' : 'fewer'} here. Engines round differently, and where two classes are nearly as likely, an answer may change.`;
}

export function Confusion({ session, part, classes, journal }: ConfusionProps) {
  const sweep = session.sweep(part).value;
  const [cell, setCell] = useState<Cell | null>(null);
  const { pictures, done, seen, running, problem } = sweep;
  const count = pictures?.facts.count ?? 0;
  const labels = pictures?.facts.labels ?? [];
  const confusion = useMemo(() => {
    const rows = classes.map(() => classes.map(() => 0));
    for (let at = 0; at < done; at++) {
      const row = rows[labels[at] as number];
      if (row !== undefined) row[seen[at] as number] = (row[seen[at] as number] ?? 0) + 1;
    }
    return rows;
  }, [done, seen, labels, classes]);
  const places = useMemo(
    () =>
      cell === null
        ? []
        : Array.from({ length: done }, (_none, at) => at).filter((at) => labels[at] === cell.label && seen[at] === cell.seen),
    [cell, done, seen, labels],
  );
  const right = confusion.reduce((sum, row, label) => sum + (row[label] ?? 0), 0);
  const isOver = pictures !== null && done === count;
  const nameOf = (index: number): string => classes[index] ?? `class ${index}`;
  const press = ({ label, seen: as }: Cell, often: number) => (
    <button
      type="button"
      aria-pressed={cell?.label === label && cell.seen === as}
      aria-label={`${plural(often, 'image')}: ${nameOf(label)}, seen as ${nameOf(as)}`}
      onClick={() => setCell({ label, seen: as })}
    >
      {often}
    </button>
  );
  return (
    <div class="net-confusion" data-part={part}>
      <div class="net-progress">
        {running ? (
          <button type="button" onClick={() => session.stop(part)}>
            Stop
          </button>
        ) : isOver ? null : (
          <button type="button" onClick={() => session.begin(part)}>
            {done === 0 ? `Compute it over the ${part} images` : 'Go on'}
          </button>
        )}
        {running || (done > 0 && !isOver) ? (
          <>
            <progress max={Math.max(1, count)} value={done} aria-label={`${part} images that were classified`} />
            <span role="status">
              {formatWhole(done)} of {count === 0 ? '…' : formatWhole(count)}
            </span>
          </>
        ) : null}
      </div>
      {problem === null ? null : (
        <p class="bad" role="alert">
          {problem}
        </p>
      )}
      {done === 0 || running ? null : (
        <>
          <p class="net-compared">
            {formatPercent(right / done)} of {isOver ? 'the' : 'the first'} {plural(done, `${part} image`)} are right (
            {formatWhole(right)}). {isOver ? compared(right, done, journal) : ''}
          </p>
          {classes.length <= widestMatrix ? (
            <div class="scroll" role="region" tabindex={0} aria-label={`Confusion matrix, ${part} images`}>
              <table class="confusion net-cells">
                <caption>A row a class; columns: what the network saw. A cell shows its images</caption>
                <thead>
                  <tr>
                    <th scope="col">class</th>
                    {classes.map((name) => (
                      <th scope="col" class="upright" key={name}>
                        <span>{name}</span>
                      </th>
                    ))}
                    <th scope="col" class="number">
                      right
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {classAccuracies(classes, confusion).map(({ name, share, count: all }, label) => (
                    <tr key={name}>
                      <th scope="row">{name}</th>
                      {(confusion[label] ?? []).map((often, as) => (
                        <td key={as} class={`h${level(often, all)}${label === as ? ' right' : ''}`}>
                          {often === 0 ? <span class="quiet">·</span> : press({ label, seen: as }, often)}
                        </td>
                      ))}
                      <td class="number">{share === null ? '–' : formatPercent(share)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          ) : (
            <div class="scroll" role="region" tabindex={0} aria-label={`Most frequent mistakes, ${part} images`}>
              <table>
                <caption>The most frequent mistakes. A number shows its images</caption>
                <thead>
                  <tr>
                    <th scope="col">class</th>
                    <th scope="col">seen as</th>
                    <th scope="col" class="number">
                      images
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {frequentConfusions(classes, confusion).map((each) => (
                    <tr key={`${each.label} ${each.predicted}`}>
                      <th scope="row">{each.label}</th>
                      <td>{each.predicted}</td>
                      <td class="number">
                        {press({ label: classes.indexOf(each.label), seen: classes.indexOf(each.predicted) }, each.count)}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
          {classes.length <= widestMatrix ? null : (
            <details>
              <summary>Right, by class</summary>
              <dl class="pairs">
                {classAccuracies(classes, confusion).map(({ name, share, right: own, count: all }) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd>
                      {share === null ? '–' : formatPercent(share)} ({own} of {all})
                    </dd>
                  </div>
                ))}
              </dl>
            </details>
          )}
          {cell === null || pictures === null ? null : (
            <div class="net-behind" aria-live="polite">
              <h4>
                {nameOf(cell.label)}, seen as {nameOf(cell.seen)}: {plural(places.length, 'image')}
              </h4>
              <PagedImages
                label={`${nameOf(cell.label)}, seen as ${nameOf(cell.seen)}`}
                pictures={pictures}
                places={places}
                nameOf={(at) => `Image ${at}`}
                below={(at) => (
                  <>
                    {(100 * (sweep.confidence[at] ?? 0)).toFixed(0)} % {nameOf(cell.seen)}
                    {cell.label === cell.seen ? '' : `, ${(100 * (sweep.truth[at] ?? 0)).toFixed(0)} % ${nameOf(cell.label)}`}
                  </>
                )}
                chosen={null}
                onChoose={null}
              />
            </div>
          )}
        </>
      )}
    </div>
  );
}
