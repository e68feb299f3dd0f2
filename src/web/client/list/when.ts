/** When something was, in words. Pure: now comes in. */

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `just now`, `4 min ago`, `3 h ago`, `12 d ago`. */
export function ago(then: number, now: number): string {
  const gone = Math.max(0, now - then);
  if (gone < minute) return 'just now';
  if (gone < hour) return `${Math.floor(gone / minute)} min ago`;
  if (gone < 2 * day) return `${Math.floor(gone / hour)} h ago`;
  return `${Math.floor(gone / day)} d ago`;
}

export const exactly = (then: number): string =>
  new Date(then).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
