/** The candidates that train now: the rung, the status and the measurements of each. */
import { shortEdits } from '../../../morphism/operators.ts';
import { candidatesOf, progressOf, rungOf, statusOf, statusWords, type Watched } from '../../../run/display/status.ts';
import type { Phase } from '../../../run/display/view.ts';
import type { Rung } from '../../../search/methods/method.ts';
import { formatRungs } from '../../../search/rungs.ts';
import { accuraciesAfter, candidateOf, type Candidate } from '../../../search/state.ts';
import { formatCount, formatLoss, formatPercent } from '../../../util/words.ts';
import { NetworkLink, Scrolling, TableHead, type Heading } from '../parts.tsx';
import type { LiveRun } from '../run-store.ts';

interface TableProps {
  readonly run: LiveRun;
  readonly phase: Phase;
  readonly rungs: readonly Rung[];
  readonly watched: Watched;
}

type RowProps = Omit<TableProps, 'run'> & { readonly candidate: Candidate };

function statusText({ phase, watched, candidate }: RowProps): string {
  const { end, id } = candidate;
  if (end?.kind === 'lost') return `lost: ${end.reason.split('\n')[0] ?? ''}`;
  if (end?.kind === 'dropped') return `dropped after rung ${end.rung + 1}`;
  const status = statusOf(watched, phase, candidate);
  const words = status === 'running' ? `epoch ${progressOf(watched, phase, id).epoch}` : statusWords[status];
  // With a barrier between rungs, all candidates are in the same one.
  const rung = phase.kind === 'step' && phase.rung === null && status !== 'winner' ? rungOf(phase.step, id) : null;
  return rung === null ? words : `rung ${rung + 1}: ${words}`;
}

/** A bar per rung, filled as far as the candidate has trained in it, with the validation accuracy at its end. */
function RungBars({ rungs, candidate, phase, watched }: RowProps) {
  const accuracies = accuraciesAfter(rungs, candidate);
  const trained = candidate.epochs.at(-1)?.epoch ?? 0;
  const isRunning = statusOf(watched, phase, candidate) === 'running';
  const { share } = progressOf(watched, phase, candidate.id);
  let from = 0;
  return (
    <span class="rungs" aria-hidden="true">
      {rungs.map(({ epochs }, index) => {
        const isHere = isRunning && trained >= from && trained < from + epochs;
        const filled = Math.max(0, Math.min(1, (trained + (isHere ? share : 0) - from) / epochs));
        from += epochs;
        const accuracy = accuracies[index] ?? null;
        return (
          <span class="rung" style={{ flexGrow: epochs }} key={index}>
            <span class={`filled ${isHere ? 'moving' : ''}`} style={{ width: `${(100 * filled).toFixed(1)}%` }} />
            <span class="accuracy">{accuracy === null ? '' : (100 * accuracy).toFixed(1)}</span>
          </span>
        );
      })}
    </span>
  );
}

function EpochBar({ phase, watched, candidate }: RowProps) {
  if (statusOf(watched, phase, candidate) !== 'running') return candidate.epochs.length;
  const { epoch, share } = progressOf(watched, phase, candidate.id);
  return (
    <>
      <progress max={1} value={share} aria-label={`epoch of ${candidate.id}`} /> {epoch}
    </>
  );
}

const headings = (isStep: boolean): readonly Heading[] => [
  { title: 'network' },
  { title: 'validation', numeric: true },
  { title: 'loss', numeric: true },
  { title: isStep ? 'rungs' : 'epoch' },
  { title: 'state' },
  { title: 'parameters', numeric: true },
  ...(isStep ? [{ title: 'operators' }] : []),
];

export function CandidateTable({ run, phase, rungs, watched }: TableProps) {
  const { search } = run.view.run;
  const candidates = candidatesOf(run, phase).map((id) => candidateOf(search, id));
  if (candidates.length === 0) return null;
  const isStep = phase.kind === 'step';
  return (
    <Scrolling label="Networks in training">
      <table class="candidates">
        <caption>
          {isStep
            ? `Children of ${phase.step.parent}: a bar per rung (${formatRungs(rungs)}, children × epochs), with the validation accuracy in % at its end`
            : 'In training'}
        </caption>
        <TableHead columns={headings(isStep)} />
        <tbody>
          {candidates.map((candidate) => {
            const { id, epochs, parameters, edits } = candidate;
            const accuracy = epochs.findLast(({ validation }) => validation !== null)?.validation?.accuracy ?? null;
            const loss = run.view.running.get(id)?.loss ?? epochs.at(-1)?.loss ?? null;
            const row = { rungs, phase, watched, candidate };
            return (
              <tr key={id} class={`status-${statusOf(watched, phase, candidate)}`}>
                <th scope="row">
                  <NetworkLink run={run.facts.id} id={id} />
                </th>
                <td class="number">{accuracy === null ? '–' : formatPercent(accuracy)}</td>
                <td class="number">{loss === null ? '–' : formatLoss(loss)}</td>
                <td class="where">{isStep ? <RungBars {...row} /> : <EpochBar {...row} />}</td>
                <td>{statusText(row)}</td>
                <td class="number">{formatCount(parameters)}</td>
                {isStep ? <td class="operators">{shortEdits(edits)}</td> : null}
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scrolling>
  );
}
