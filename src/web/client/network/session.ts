/**
 * A network of a run as this page computes with it: the file and the images are fetched when they are first needed, and kept as
 * long as the page is there.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import { modelBytes } from '../api.ts';
import type { PartName } from '../../api.ts';
import { openClassifier, type Classifier } from './classifier.ts';
import { openPictures, type Pictures } from './pictures.ts';

/** What the network says of the images of a part, as far as it was asked. */
export interface Sweep {
  readonly pictures: Pictures | null;
  /** Of the first so many images: the class seen, its probability, and that of the class that it is. */
  readonly done: number;
  readonly seen: Uint16Array;
  readonly confidence: Float32Array;
  readonly truth: Float32Array;
  readonly running: boolean;
  readonly problem: string | null;
}

export interface NetworkSession {
  classifier(): Promise<Classifier>;
  pictures(part: PartName): Promise<Pictures>;
  sweep(part: PartName): ReadonlySignal<Sweep>;
  /** Asks on from where it was stopped. */
  begin(part: PartName): void;
  /** Once the batch is over that it is at. */
  stop(part: PartName): void;
  close(): void;
}

/** Images of a batch: fewer where they are large, so that a batch is soon over and can be stopped behind. */
const batchOf = (bytes: number): number => Math.max(1, Math.min(64, Math.floor((256 << 10) / bytes)));

/** Kept as long as it comes; asked for again where it did not. */
function kept<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}

const nothing = (): Sweep => ({
  pictures: null,
  done: 0,
  seen: new Uint16Array(0),
  confidence: new Float32Array(0),
  truth: new Float32Array(0),
  running: false,
  problem: null,
});

export function openSession(run: string, line: string): NetworkSession {
  /** Set by the page; what goes on looks at it behind each batch. */
  const wish = { closed: false, stopped: { validation: false, test: false } };
  const opened: Classifier[] = [];
  const classifier = kept(async () => {
    const made = await openClassifier(await modelBytes(run, line));
    if (wish.closed) made.close();
    else opened.push(made);
    return made;
  });
  const parts = {
    validation: { pictures: kept(() => openPictures(run, 'validation')), sweep: signal(nothing()) },
    test: { pictures: kept(() => openPictures(run, 'test')), sweep: signal(nothing()) },
  } as const satisfies Record<PartName, unknown>;

  async function ask(part: PartName): Promise<void> {
    const { pictures: open, sweep } = parts[part];
    const [pictures, network] = await Promise.all([open(), classifier()]);
    const { count, labels, shape } = pictures.facts;
    if (sweep.value.pictures === null)
      sweep.value = {
        ...sweep.value,
        pictures,
        seen: new Uint16Array(count),
        confidence: new Float32Array(count),
        truth: new Float32Array(count),
      };
    const batch = batchOf(shape.channels * shape.height * shape.width);
    while (sweep.value.done < count && !wish.stopped[part] && !wish.closed) {
      const { done, seen, confidence, truth } = sweep.value;
      const size = Math.min(batch, count - done);
      const pixels = await pictures.read(Array.from({ length: size }, (_none, at) => done + at));
      const answers = await network.classify(pixels, size, shape);
      const classes = answers.probabilities.length / size;
      seen.set(answers.seen, done);
      for (let at = 0; at < size; at++) {
        confidence[done + at] = answers.probabilities[at * classes + (answers.seen[at] as number)] as number;
        truth[done + at] = answers.probabilities[at * classes + (labels[done + at] as number)] as number;
      }
      sweep.value = { ...sweep.value, done: done + size };
    }
  }

  return {
    classifier,
    pictures: (part) => parts[part].pictures(),
    sweep: (part) => parts[part].sweep,
    begin(part) {
      const { sweep } = parts[part];
      if (sweep.value.running) return;
      wish.stopped[part] = false;
      sweep.value = { ...sweep.value, running: true, problem: null };
      ask(part).then(
        () => (sweep.value = { ...sweep.value, running: false }),
        (error: unknown) => (sweep.value = { ...sweep.value, running: false, problem: (error as Error).message }),
      );
    },
    stop(part) {
      wish.stopped[part] = true;
    },
    close() {
      wish.closed = true;
      for (const each of opened) each.close();
    },
  };
}
