/** Times of events for people. Pure: the current time is an argument. */

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `just now`, `4 min ago`, `3 h ago`, `12 d ago`. */
export function ago(then: number, now: number): string {
  const passed = Math.max(0, now - then);
  if (passed < minute) return 'just now';
  if (passed < hour) return `${Math.floor(passed / minute)} min ago`;
  if (passed < 2 * day) return `${Math.floor(passed / hour)} h ago`;
  return `${Math.floor(passed / day)} d ago`;
}

export const exactly = (then: number): string =>
  new Date(then).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
