/** What is asked before a run gets another name or is deleted; deleting is asked twice. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { formatDuration } from '../../../util/duration.ts';
import { formatPercent, plural } from '../../../util/words.ts';
import type { RunRow } from '../../api.ts';
import { deleteRun, renameRun } from '../api.ts';

/** A native dialog, open as long as it is there. */
function Dialog({ title, onClose, children }: { readonly title: string; onClose(): void; readonly children: ComponentChildren }) {
  const place = useRef<HTMLDialogElement>(null);
  const isHere = useRef(true);
  useEffect(() => {
    const dialog = place.current;
    dialog?.showModal();
    return () => {
      // Closed so that the focus goes back; its event comes later, when another one may be in its place.
      isHere.current = false;
      dialog?.close();
    };
  }, []);
  return (
    <dialog ref={place} aria-labelledby="dialog-title" onClose={() => isHere.current && onClose()}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

interface Asked {
  readonly row: RunRow;
  onClose(): void;
  /** What was done, in words. */
  onDone(words: string): void;
}

/** One request at a time; what was refused is said. */
function useRequest(): { readonly busy: boolean; readonly problem: string | null; send(act: () => Promise<void>): void } {
  const busy = useSignal(false);
  const problem = useSignal<string | null>(null);
  return {
    busy: busy.value,
    problem: problem.value,
    send(act) {
      busy.value = true;
      problem.value = null;
      act().catch((error: Error) => {
        problem.value = error.message;
        busy.value = false;
      });
    },
  };
}

const Problem = ({ text }: { readonly text: string | null }) =>
  text === null ? null : (
    <p class="bad" role="alert">
      {text}
    </p>
  );

export function RenameDialog({ row, onClose, onDone }: Asked) {
  const name = useSignal(row.name);
  const { busy, problem, send } = useRequest();
  const rename = (event: Event): void => {
    event.preventDefault();
    send(async () => {
      await renameRun(row.id, name.value);
      onDone(`${row.name} is called ${name.value} now.`);
    });
  };
  return (
    <Dialog title={`Rename ${row.name}`} onClose={onClose}>
      <form onSubmit={rename}>
        <p>
          <label>
            The new name{' '}
            <input
              value={name.value}
              required
              maxLength={80}
              pattern="[\p{L}\p{N}][\p{L}\p{N} ._\-]*"
              title="letters, digits, spaces, dots, hyphens and underscores; it begins with a letter or digit"
              onInput={(event) => (name.value = event.currentTarget.value)}
            />
          </label>
        </p>
        <p class="note">It is the name of the run’s folder. A run that goes on now must be stopped first.</p>
        <Problem text={problem} />
        <p class="buttons">
          <button type="submit" disabled={busy || name.value === row.name}>
            Rename
          </button>
          <button type="button" onClick={onClose}>
            Keep the name
          </button>
        </p>
      </form>
    </Dialog>
  );
}

/** What goes with it. */
function Losses({ row }: { readonly row: RunRow }) {
  const { best, test, steps, seconds, state, events } = row;
  if (events === 0) return <p>It has no network: {state === 'damaged' ? 'it cannot be read.' : 'its search did not begin.'}</p>;
  return (
    <p>
      What goes: its journal of {plural(events, 'event')}, {formatDuration(seconds)} of work in {plural(steps, 'step')},
      {best === null || best.accuracy === null ? ' ' : ` its best network (validation ${formatPercent(best.accuracy)}`}
      {best === null || best.accuracy === null ? '' : test === null ? ')' : `, test ${formatPercent(test)})`} and all its
      checkpoints. The size of its folder is not known here.
    </p>
  );
}

export function DeleteDialog({ row, onClose, onDone }: Asked) {
  const typed = useSignal('');
  const isSure = useSignal(false);
  const last = useRef<HTMLButtonElement>(null);
  const { busy, problem, send } = useRequest();
  // The safe one of the two has the focus.
  useEffect(() => {
    if (isSure.value) last.current?.focus();
  }, [isSure.value]);
  const goOn = (event: Event): void => {
    event.preventDefault();
    if (typed.value === row.name) isSure.value = true;
  };
  const remove = (): void =>
    send(async () => {
      await deleteRun(row.id);
      onDone(`${row.name} was deleted.`);
    });
  if (isSure.value)
    return (
      <Dialog key="sure" title={`Delete ${row.name} for ever?`} onClose={onClose}>
        <p>There is no way back: nothing of it is kept elsewhere.</p>
        <Problem text={problem} />
        <p class="buttons">
          <button type="button" class="danger" disabled={busy} onClick={remove}>
            Delete for ever
          </button>
          <button type="button" ref={last} onClick={onClose}>
            Keep it
          </button>
        </p>
      </Dialog>
    );
  return (
    <Dialog key="name" title={`Delete ${row.name}`} onClose={onClose}>
      <Losses row={row} />
      <form onSubmit={goOn}>
        <p>
          <label>
            To go on, type its name: <code>{row.name}</code>{' '}
            <input
              value={typed.value}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => (typed.value = event.currentTarget.value)}
            />
          </label>
        </p>
        <p class="buttons">
          <button type="submit" class="danger" disabled={typed.value !== row.name}>
            Go on
          </button>
          <button type="button" onClick={onClose}>
            Keep it
          </button>
        </p>
      </form>
    </Dialog>
  );
}
