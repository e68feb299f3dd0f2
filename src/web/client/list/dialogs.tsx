/** The dialogs that rename, annotate and delete runs. Deleting asks twice. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { formatDuration } from '../../../util/duration.ts';
import { formatPercent, plural } from '../../../util/words.ts';
import type { RunRow } from '../../api.ts';
import { deleteRun, keepNotes, renameRun } from '../api.ts';
import { Alert, useRequest } from '../parts.tsx';

interface DialogProps {
  readonly row: RunRow;
  onClose(): void;
  /** `words`: what was done. */
  onDone(words: string): void;
}

interface FrameProps {
  readonly title: string;
  readonly action: string;
  readonly disabled?: boolean;
  readonly danger?: boolean;
  /** Whether Cancel has the focus first. */
  readonly focusCancel?: boolean;
  act(): Promise<void>;
  onClose(): void;
  readonly children: ComponentChildren;
}

/** A native dialog with a form that sends a request, open while it is mounted. */
function Dialog({ title, action, disabled = false, danger, focusCancel, act, onClose, children }: FrameProps) {
  const { busy, problem, send } = useRequest();
  const place = useRef<HTMLDialogElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const isMounted = useRef(true);
  useEffect(() => {
    const dialog = place.current;
    dialog?.showModal();
    if (focusCancel === true) cancel.current?.focus();
    return () => {
      // Closing returns the focus. The close event comes later, when another dialog may be open.
      isMounted.current = false;
      dialog?.close();
    };
  }, []);
  return (
    <dialog ref={place} aria-labelledby="dialog-title" onClose={() => isMounted.current && onClose()}>
      <h2 id="dialog-title">{title}</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send(act);
        }}
      >
        {children}
        <Alert text={problem} />
        <p class="buttons">
          <button type="submit" class={danger === true ? 'danger' : ''} disabled={disabled || busy}>
            {action}
          </button>
          <button type="button" ref={cancel} onClick={onClose}>
            Cancel
          </button>
        </p>
      </form>
    </dialog>
  );
}

export function RenameDialog({ row, onClose, onDone }: DialogProps) {
  const name = useSignal(row.name);
  const rename = async (): Promise<void> => {
    await renameRun(row.id, name.value);
    onDone(`Renamed ${row.name} to ${name.value}.`);
  };
  return (
    <Dialog title={`Rename ${row.name}`} action="Rename" disabled={name.value === row.name} act={rename} onClose={onClose}>
      <p>
        <label>
          New name{' '}
          <input
            value={name.value}
            required
            maxLength={80}
            pattern="[\p{L}\p{N}][\p{L}\p{N} ._\-]*"
            title="letters, digits, spaces, dots, hyphens and underscores; the first is a letter or digit"
            onInput={(event) => (name.value = event.currentTarget.value)}
          />
        </label>
      </p>
      <p class="note">This renames the folder of the run. Stop a running run first.</p>
    </Dialog>
  );
}

function contentsOf({ best, test, steps, seconds, state, events }: RunRow): string {
  if (events === 0) return state === 'damaged' ? 'This run is damaged and cannot be read.' : 'This search failed to start.';
  const accuracy =
    best === null || best.accuracy === null
      ? ''
      : ` (validation ${formatPercent(best.accuracy)}${test === null ? '' : `, test ${formatPercent(test)}`})`;
  return `This deletes ${plural(events, 'event')}, ${plural(steps, 'step')} from ${formatDuration(seconds)} of training, the best network${accuracy} and all checkpoints.`;
}

export function DeleteDialog({ row, onClose, onDone }: DialogProps) {
  const typed = useSignal('');
  const isSure = useSignal(false);
  const remove = async (): Promise<void> => {
    await deleteRun(row.id);
    onDone(`Deleted ${row.name}.`);
  };
  if (isSure.value)
    return (
      <Dialog
        key="sure"
        title={`Delete ${row.name} permanently?`}
        action="Delete permanently"
        danger
        focusCancel
        act={remove}
        onClose={onClose}
      >
        <p>This cannot be undone.</p>
      </Dialog>
    );
  return (
    <Dialog
      key="name"
      title={`Delete ${row.name}`}
      action="Continue"
      danger
      disabled={typed.value !== row.name}
      act={async () => void (isSure.value = true)}
      onClose={onClose}
    >
      <p>{contentsOf(row)}</p>
      <p>
        <label>
          Type its name to continue: <code>{row.name}</code>{' '}
          <input
            value={typed.value}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => (typed.value = event.currentTarget.value)}
          />
        </label>
      </p>
    </Dialog>
  );
}

export function NotesDialog({ row, onClose, onDone }: DialogProps) {
  const tags = useSignal(row.notes.tags.join(', '));
  const note = useSignal(row.notes.note);
  const keep = async (): Promise<void> => {
    const words = tags.value.split(',').flatMap((tag) => tag.trim() || []);
    await keepNotes(row.id, { tags: words, note: note.value.trim() });
    onDone(`Kept the notes of ${row.name}.`);
  };
  return (
    <Dialog title={`Notes of ${row.name}`} action="Keep" act={keep} onClose={onClose}>
      <p>
        <label>
          Tags, separated by commas{' '}
          <input value={tags.value} autocomplete="off" onInput={({ currentTarget }) => (tags.value = currentTarget.value)} />
        </label>
      </p>
      <p>
        <label>
          Note{' '}
          <textarea
            rows={5}
            maxLength={3000}
            value={note.value}
            onInput={({ currentTarget }) => (note.value = currentTarget.value)}
          />
        </label>
      </p>
      <p class="note">They are kept in notes.json in the run’s folder, and nothing else reads them.</p>
    </Dialog>
  );
}

/** Runs that are named. */
const mostNamed = 8;

interface SeveralProps {
  readonly rows: readonly RunRow[];
  onClose(): void;
  onDone(words: string): void;
}

export function DeleteSeveralDialog({ rows, onClose, onDone }: SeveralProps) {
  const typed = useSignal('');
  const isSure = useSignal(false);
  const count = String(rows.length);
  const removeAll = async (): Promise<void> => {
    const failed: string[] = [];
    for (const { id } of rows) await deleteRun(id).catch((error: Error) => failed.push(`${id}: ${error.message}`));
    const done = `Deleted ${plural(rows.length - failed.length, 'run')}.`;
    onDone([done, ...failed].join(' '));
  };
  if (isSure.value)
    return (
      <Dialog
        key="sure"
        title={`Delete ${plural(rows.length, 'run')} permanently?`}
        action="Delete permanently"
        danger
        focusCancel
        act={removeAll}
        onClose={onClose}
      >
        <p>This cannot be undone.</p>
      </Dialog>
    );
  const more = rows.length - mostNamed;
  return (
    <Dialog
      key="count"
      title={`Delete ${plural(rows.length, 'run')}`}
      action="Continue"
      danger
      disabled={typed.value.trim() !== count}
      act={async () => void (isSure.value = true)}
      onClose={onClose}
    >
      <p>This deletes these runs with their networks and checkpoints:</p>
      <ul>
        {rows.slice(0, mostNamed).map(({ id }) => (
          <li key={id}>{id}</li>
        ))}
        {more > 0 ? <li>and {plural(more, 'more run')}</li> : null}
      </ul>
      <p>
        <label>
          Type their number to continue: <code>{count}</code>{' '}
          <input
            value={typed.value}
            inputMode="numeric"
            autocomplete="off"
            onInput={({ currentTarget }) => (typed.value = currentTarget.value)}
          />
        </label>
      </p>
    </Dialog>
  );
}
