/** The actions for the selected runs. */
import { plural } from '../../../util/words.ts';
import { Link } from '../parts.tsx';
import { mostRuns } from '../compare/curves.ts';

export function CompareBar({ runs, onClear }: { readonly runs: readonly string[]; onClear(): void }) {
  if (runs.length === 0) return null;
  return (
    <aside class="compare-bar" aria-label="Selected runs">
      {runs.length > mostRuns ? (
        <span class="bad">
          {runs.length} runs are selected; at most {mostRuns} can be compared.
        </span>
      ) : runs.length < 2 ? (
        <span>1 run is selected. Select another one to compare them.</span>
      ) : (
        <Link to={{ page: 'compare', runs }}>Compare {plural(runs.length, 'run')}</Link>
      )}
      <button type="button" onClick={onClear}>
        Clear selection
      </button>
    </aside>
  );
}
