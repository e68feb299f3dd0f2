/** The networks of a run that are worth opening: the start network, the winners, the final one, the baseline, and what is kept. */
import { useMemo } from 'preact/hooks';
import { shownName } from '../../../run/display/names.ts';
import { lastAccuracy, type RunDetails } from '../../../report/run-details.ts';
import { frontFigure } from '../../../report/figures/front.ts';
import { exportsOf } from '../../../report/sections/facts.ts';
import type { Candidate } from '../../../search/state.ts';
import { formatCount, formatPercent, formatWhole } from '../../../util/words.ts';
import { ModelLink, NetworkLink, numeric, ReportFigure, ReportMarkup, Scrolling, TableHead } from '../parts.tsx';
import type { LiveRun } from '../run-store.ts';

function roleOf({ best, winners }: RunDetails, { id, step, end }: Candidate): string {
  const role =
    id === 'vanilla'
      ? 'the start'
      : id === 'final'
        ? 'after the final training'
        : id === 'baseline'
          ? 'the start, trained as long'
          : winners.has(id)
            ? `winner of step ${step}`
            : end?.kind === 'dropped'
              ? `dropped in step ${step}`
              : `child of step ${step}`;
  return id === best ? `${role}; the best` : role;
}

export function NetworksTab({ run, subject }: { readonly run: LiveRun; readonly subject: RunDetails }) {
  const { search } = subject.state;
  const { kept, facts } = run;
  const front = useMemo(() => frontFigure(subject), [subject]);
  const shown = [...search.candidates.values()].filter(
    ({ id }) => id === 'final' || id === 'baseline' || subject.winners.has(id) || kept.has(id),
  );
  if (shown.length === 0) return <p class="empty">There is no network yet.</p>;
  const percent = (share: number | null | undefined) => (share === null || share === undefined ? '–' : formatPercent(share));
  return (
    <>
      <Scrolling label="Networks">
        <table class="networks">
          <caption>
            The start network, the winners, and all others whose weights are kept. A name opens the network: its graph, its
            differences from its parent, and what it says of your images. All children are in the family.
          </caption>
          <TableHead
            columns={[
              'network',
              'what it is',
              ...['validation', 'test', 'parameters', 'multiply-adds', 'epochs'].map(numeric),
              'file',
            ]}
          />
          <tbody>
            {shown.toReversed().map((candidate) => (
              <tr key={candidate.id} class={candidate.id === subject.best ? 'winner' : ''}>
                <th scope="row">
                  <NetworkLink run={facts.id} id={candidate.id} name={shownName(facts.config, candidate.id)} />
                </th>
                <td>{roleOf(subject, candidate)}</td>
                <td class="number">{percent(lastAccuracy(candidate))}</td>
                <td class="number">{percent(search.tests.get(candidate.id)?.measured.accuracy)}</td>
                <td class="number">{formatWhole(candidate.parameters)}</td>
                <td class="number">{formatCount(candidate.multiplyAdds)}</td>
                <td class="number">{formatWhole(candidate.epochs.length)}</td>
                <td>
                  {kept.has(candidate.id) ? (
                    <ModelLink run={facts.id} candidate={candidate.id}>
                      ONNX
                    </ModelLink>
                  ) : (
                    <span class="quiet">not kept</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolling>
      <ReportFigure figure={front} prefix="run" />
      <h2>Exported files</h2>
      <ReportMarkup markup={exportsOf(subject)} />
    </>
  );
}
