/** The actions for the selected runs. */
import { plural } from '../../../util/words.ts';
import type { RunRow } from '../../api.ts';
import { saveExport, saveReport } from '../api.ts';
import { mostRuns } from '../compare/curves.ts';
import { Action, Link } from '../parts.tsx';

interface SelectionBarProps {
  readonly rows: readonly RunRow[];
  readonly mayChange: boolean;
  onDelete(): void;
  onClear(): void;
}

function Compare({ runs }: { readonly runs: readonly string[] }) {
  if (runs.length < 2) return <span>{plural(runs.length, 'run')} with events. Select another one to compare them.</span>;
  if (runs.length > mostRuns)
    return (
      <span class="bad">
        {runs.length} runs are selected; at most {mostRuns} can be compared.
      </span>
    );
  return <Link to={{ page: 'compare', runs }}>Compare {plural(runs.length, 'run')}</Link>;
}

export function SelectionBar({ rows, mayChange, onDelete, onClear }: SelectionBarProps) {
  if (rows.length === 0) return null;
  const runs = rows.filter(({ events }) => events > 0).map(({ id }) => id);
  return (
    <aside class="compare-bar" aria-label="Selected runs">
      <Compare runs={runs} />
      {runs.length === 0 ? null : (
        <>
          <Action act={() => saveReport({ run: runs })}>Report to share</Action>
          <Action act={() => saveExport(runs)}>Export {plural(runs.length, 'network')}</Action>
        </>
      )}
      {mayChange ? (
        <button type="button" class="danger" onClick={onDelete}>
          Delete {plural(rows.length, 'run')}
        </button>
      ) : null}
      <button type="button" onClick={onClear}>
        Clear selection
      </button>
    </aside>
  );
}
