/** How long decoding will take. */
import type { DataEvent } from './source.ts';

/** Seconds that the speed is taken from, and that pass before anything is said. */
const [window, least] = [60, 3];

/** Adds the seconds that are left to the events of decoding. `now`: milliseconds. */
export function timed(progress: (event: DataEvent) => void, now: () => number): (event: DataEvent) => void {
  let seen: { readonly at: number; readonly done: number }[] = [];
  return (event) => {
    if (event.kind !== 'decode') return progress(event);
    const at = now() / 1000;
    seen = [...seen.filter((each) => each.at >= at - window), { at, done: event.done }];
    const [first] = seen;
    const [seconds, images] = [at - (first?.at ?? at), event.done - (first?.done ?? 0)];
    const left = seconds < least || images <= 0 ? undefined : ((event.total - event.done) * seconds) / images;
    progress(left === undefined ? event : { ...event, left });
  };
}
