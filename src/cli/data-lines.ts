/** Reports the reading of data. */
import type { DataEvent } from '../data/source.ts';
import { formatBytes, formatWhole, printable } from '../util/words.ts';

export function describeData(event: DataEvent): string {
  switch (event.kind) {
    case 'note':
      return printable(event.message);
    case 'download':
      return `downloading ${event.url}: ${formatBytes(event.received)}${event.total > 0 ? ` of ${formatBytes(event.total)}` : ''}`;
    case 'decode':
      return `decoding images: ${formatWhole(event.done)} of ${formatWhole(event.total)}`;
  }
}

const shareOf = (event: DataEvent): number => {
  if (event.kind === 'download') return event.total > 0 ? event.received / event.total : 0;
  return event.kind === 'decode' && event.total > 0 ? event.done / event.total : 0;
};

/** Says every note, and progress at each quarter. */
export function dataLines(say: (line: string) => void): (event: DataEvent) => void {
  let told = -1;
  return (event) => {
    if (event.kind !== 'note') {
      const quarter = Math.floor(4 * shareOf(event));
      if (quarter === told) return;
      told = quarter;
    }
    say(describeData(event));
  };
}
