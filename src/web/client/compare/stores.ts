/**
 * Several runs followed at once. A browser holds six connections to a server, and a stream takes one: a run that does not go on
 * is let go as soon as it is all here, and of those that go on, some are followed at a time and the others looked at in turn.
 */
import { effect, signal, type ReadonlySignal } from '@preact/signals';
import { openRun, type RunStatus, type RunStore } from '../run-store.ts';

/** Streams at once. */
const mostStreams = 4;
/** Milliseconds that one which goes on is followed while others wait, and that one without news is waited for. */
const turn = 4000;
const silence = 1500;

export interface FollowedRun {
  readonly id: string;
  readonly status: ReadonlySignal<RunStatus>;
}

export interface FollowedRuns {
  readonly runs: readonly FollowedRun[];
  close(): void;
}

export function followRuns(ids: readonly string[]): FollowedRuns {
  const runs = ids.map((id) => ({ id, status: signal<RunStatus>({ kind: 'loading' }) }));
  type Run = (typeof runs)[number];
  let waiting: Run[] = [...runs];
  const open = new Map<Run, () => void>();

  function fill(): void {
    while (open.size < mostStreams) {
      const next = waiting.shift();
      if (next === undefined) return;
      follow(next);
    }
  }

  function follow(run: Run): void {
    const store: RunStore = openRun(run.id);
    const begun = Date.now();
    let heard = begun;
    const stop = effect(() => {
      const status = store.status.value;
      if (status.kind === 'loading') return;
      heard = Date.now();
      // While its journal comes anew, what was known of it stays.
      const before = run.status.peek();
      const isLess = status.kind === 'run' && before.kind === 'run' && status.run.entries.length < before.run.entries.length;
      if (isLess && heard - begun < silence) return;
      run.status.value = status;
    });
    const leave = (): void => {
      clearInterval(timer);
      stop();
      store.close();
      open.delete(run);
    };
    const timer = setInterval(() => {
      const status = store.status.peek();
      const now = Date.now();
      if (status.kind === 'failed') {
        // Looked at again after the others.
        if (now - begun < turn || waiting.length === 0) return;
        leave();
        waiting = [...waiting, run];
        fill();
        return;
      }
      if (status.kind !== 'run' || !status.connected) return;
      const { condition } = status.run;
      const isGoing = condition === 'running';
      const isAllHere = condition === 'finished' || condition === 'interrupted' || now - heard > silence;
      if (!isGoing && isAllHere) {
        leave();
        fill();
      } else if (isGoing && waiting.length > 0 && now - begun > turn) {
        leave();
        waiting = [...waiting, run];
        fill();
      }
    }, 250);
    open.set(run, leave);
  }

  fill();
  return {
    runs,
    close() {
      waiting = [];
      for (const leave of open.values()) leave();
    },
  };
}
