/** What the check of the data says: notes, classes with pictures and counts, and what a search would run with. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ClassCounts } from '../../../data/class-counts.ts';
import { formatDuration } from '../../../util/duration.ts';
import { formatBytes, formatWhole, plural } from '../../../util/words.ts';
import type { CheckNews, SearchForm } from '../../api.ts';
import { checkData } from '../api.ts';
import { Alert, numeric, Scrolling, TableHead } from '../parts.tsx';

type Checked = Extract<CheckNews, { readonly kind: 'checked' }>;

interface Check {
  /** The form that was checked, as JSON. */
  readonly of: string;
  /** What is being done; null when it is over. */
  readonly progress: string | null;
  readonly notes: readonly string[];
  readonly classes: readonly ClassCounts[];
  readonly checked: Checked | null;
  readonly problem: string | null;
}

/** What a message adds. */
const after: {
  readonly [Kind in CheckNews['kind']]: (news: Extract<CheckNews, { readonly kind: Kind }>, check: Check) => Partial<Check>;
} = {
  note: ({ message }, { notes }) => ({ notes: [...notes, message] }),
  download: ({ received, total }) => ({
    progress: `Downloading: ${formatBytes(received)}${total > 0 ? ` of ${formatBytes(total)}` : ''} …`,
  }),
  list: ({ files }) => ({ progress: `Reading folders: ${formatWhole(files)} files so far …` }),
  decode: ({ done, total, left }) => ({
    progress: `Reading images: ${formatWhole(done)} of ${formatWhole(total)}${left === undefined || left < 1 ? '' : `, about ${formatDuration(left)} left`} …`,
  }),
  classes: ({ classes }) => ({ classes }),
  checked: (checked) => ({ checked }),
  failed: ({ message }) => ({ problem: message }),
};

/** `isOk`: what is done when the data is found to be usable. */
export function useCheck(isOk: () => void) {
  const check = useSignal<Check | null>(null);
  const current = useRef(new AbortController());
  useEffect(() => () => current.current.abort(), []);
  return {
    check: check.value,
    cancel(): void {
      current.current.abort();
      check.value = null;
    },
    async run(form: SearchForm): Promise<void> {
      current.current.abort();
      const control = new AbortController();
      current.current = control;
      let now: Check = {
        of: JSON.stringify(form),
        progress: 'Reading the data …',
        notes: [],
        classes: [],
        checked: null,
        problem: null,
      };
      const show = (change: Partial<Check>): void => {
        now = { ...now, ...change };
        if (!control.signal.aborted) check.value = now;
      };
      show({});
      try {
        await checkData(form, control.signal, (news) => show(after[news.kind](news as never, now)));
        if (now.checked === null && now.problem === null) show({ problem: 'The check was cut off.' });
      } catch (error) {
        show({ problem: (error as Error).message });
      }
      show({ progress: null });
      if (now.checked !== null && !control.signal.aborted) isOk();
    },
  };
}

/** Classes that are shown at once. */
const mostShown = 20;

function Classes({ classes, checked }: { readonly classes: readonly ClassCounts[]; readonly checked: Checked | null }) {
  if (classes.length === 0) return null;
  const pictures = new Map((checked?.samples ?? []).map((sample) => [sample.name, sample.pictures]));
  const more = classes.length - mostShown;
  return (
    <>
      <Scrolling label="Classes">
        <table class="classes">
          <TableHead columns={['class', 'pictures', ...['train', 'validation', 'test'].map(numeric)]} />
          <tbody>
            {classes.slice(0, mostShown).map(({ name, train, validation, test }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="pictures">
                  {(pictures.get(name) ?? []).map((picture, at) => (
                    <img key={at} src={picture} alt={`A training image of ${name}`} />
                  ))}
                </td>
                {[train, validation, test].map((count, at) => (
                  <td key={at} class="number">
                    {formatWhole(count)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolling>
      {more <= 0 ? null : <p class="note">And {plural(more, 'more class', 'more classes')}.</p>}
      <p class="note">Pictures are as the search trains on them, before they are changed at random.</p>
    </>
  );
}

interface CheckProps {
  readonly check: Check;
  /** The form as it is now, as JSON. */
  readonly form: string;
}

function CheckResult({ check: { of, progress, notes, classes, checked, problem }, form }: CheckProps) {
  return (
    <>
      <p role="status">{progress ?? (problem === null ? 'The data can be used.' : '')}</p>
      <Alert text={problem} />
      {of === form ? null : <p class="bad">The form has changed since this check.</p>}
      {notes.length === 0 ? null : (
        <ul class="notes" aria-label="What the check says">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <Classes classes={classes} checked={checked} />
      {checked === null || checked.leftOut.length === 0 ? null : (
        <details>
          <summary>Images that cannot be read</summary>
          <ul>
            {checked.leftOut.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      )}
      {checked === null ? null : (
        <p>
          {checked.lines.map((line) => (
            <>
              {line}.
              <br />
            </>
          ))}
        </p>
      )}
    </>
  );
}

interface CheckSectionProps {
  readonly check: ReturnType<typeof useCheck>;
  readonly form: string;
  readonly enabled: boolean;
  onCheck(): void;
}

export function CheckSection({ check: { check, cancel }, form, enabled, onCheck }: CheckSectionProps) {
  return (
    <>
      <p class="note">
        The check reads the data as the search will, with the options below: classes, pictures, and what is wrong. If no search is
        running, a forecast follows.
      </p>
      <p class="buttons">
        <button type="button" disabled={!enabled} onClick={onCheck}>
          Check the data
        </button>
        {check?.progress == null ? null : (
          <button type="button" onClick={cancel}>
            Cancel the check
          </button>
        )}
      </p>
      {check === null ? null : <CheckResult check={check} form={form} />}
    </>
  );
}
