/** What reaches a person who looks elsewhere: the tab's title, and a notification when a run ends. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { TimeLeft } from '../../../run/display/time-left.ts';
import type { RunDetails } from '../../../report/run-details.ts';
import type { Condition } from '../../../run/record/read.ts';
import { validationOf } from '../../../search/state.ts';
import { formatPercent } from '../../../util/words.ts';

export interface Attended {
  readonly name: string;
  readonly condition: Condition;
  /** Seconds that were spent. */
  readonly now: number;
  readonly left: TimeLeft | null;
  /** Of the best network: on the test images, or else on the validation images. */
  readonly accuracy: number | null;
}

export const accuracyOf = ({ state: { search }, grown }: RunDetails): number | null =>
  search.tests.get('final')?.measured.accuracy ?? (grown === null ? null : (validationOf(search, grown)?.accuracy ?? null));

/** What it came to, in a line. */
export const endWords = ({ condition, accuracy }: Pick<Attended, 'condition' | 'accuracy'>): string =>
  `${condition}${accuracy === null ? '' : `, ${formatPercent(accuracy)}`}`;

/** Of a run that goes on, the part that is done comes first: a tab shows the first letters alone. */
export function titleOf(run: Attended): string {
  const { name, condition, now, left } = run;
  if (condition !== 'running') return `${endWords(run)} · ${name} · Instar`;
  const whole = left === null ? 0 : now + left.seconds;
  const share = whole > 0 ? `${Math.min(99, Math.floor((100 * now) / whole))} % · ` : '';
  return `${share}${name} · Instar`;
}

/** A browser that has no notifications, or a page that may not ask for them, has none to offer. */
const canNotify = (): boolean =>
  'Notification' in globalThis && globalThis.isSecureContext && Notification.permission !== 'denied';

/** The title, and where a person asked for it a notification at the end. */
export function Attention(run: Attended) {
  const { name, condition } = run;
  const asked = useSignal(false);
  const refused = useSignal(false);
  const before = useRef(condition);
  const title = titleOf(run);
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    const wasRunning = before.current === 'running';
    before.current = condition;
    if (!wasRunning || condition === 'running' || !asked.value) return;
    asked.value = false;
    const notification = new Notification(`${name} ${endWords(run)}`, { tag: `instar ${name}` });
    notification.addEventListener('click', () => {
      globalThis.focus();
      notification.close();
    });
  }, [condition]);
  if (condition !== 'running' || !canNotify()) return null;
  const ask = async (): Promise<void> => {
    if (asked.value) asked.value = false;
    else {
      const permission = Notification.permission === 'granted' ? 'granted' : await Notification.requestPermission();
      asked.value = permission === 'granted';
      refused.value = permission === 'denied';
    }
  };
  return (
    <button type="button" aria-pressed={asked.value} onClick={() => void ask()}>
      {refused.value ? 'Your browser refuses notifications' : asked.value ? '✓ You will be notified' : 'Notify me when it ends'}
    </button>
  );
}
