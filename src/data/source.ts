/** The contract of dataset formats: a source is a dataset that was found but not decoded. Each format has a file. */
import { factsOf } from '../util/files.ts';
import type { Shape } from '../network/network.ts';
import type { Json } from '../util/json.ts';
import type { ClassCounts } from './class-counts.ts';
import type { Content } from './dataset.ts';
import type { FoundFit } from './fit.ts';
import type { LeftOut } from './left-out.ts';
import type { Reading } from './reading.ts';

/** A file of a dataset. */
export interface SourceFile {
  /** Bytes that are no valid UTF-8 are escaped. */
  readonly path: string;
  /** The path as the system has it, where that is no valid UTF-8. */
  readonly raw?: Buffer;
  /** Its content, where that is no file of its own; the path is then a name for messages. */
  readonly bytes?: Uint8Array;
  /** Why it cannot be read, where that is known. */
  readonly problem?: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly changed: number;
}

/** The regular file at that path. */
export async function fileAt(path: string): Promise<SourceFile | undefined> {
  const facts = await factsOf(path);
  return facts?.kind === 'file' ? { path, size: facts.size, changed: facts.changed } : undefined;
}

export type DataEvent =
  /** A line for the user. */
  | { readonly kind: 'note'; readonly message: string }
  /** Bytes of a download; `total` is 0 where the server does not tell it. */
  | { readonly kind: 'download'; readonly url: string; readonly received: number; readonly total: number }
  /** Files that were found in a folder so far. */
  | { readonly kind: 'list'; readonly files: number }
  /** What a search trains on, when it is read. */
  | { readonly kind: 'classes'; readonly classes: readonly ClassCounts[] }
  /** Images decoded so far; `left`: seconds until all are, about, where that is known. */
  | { readonly kind: 'decode'; readonly done: number; readonly total: number; readonly left?: number | undefined };

/** Progress and cancellation of reading a dataset. */
export interface ReadListener {
  progress(event: DataEvent): void;
  readonly signal?: AbortSignal;
}

/** With what a source is decoded. */
export interface Decoding extends ReadListener {
  /** A file for decoded images. It stays where decoding is interrupted, and is read where it begins again. */
  readonly scratch: string;
  /** Bytes of memory that are free. */
  readonly memory: number;
}

/** What a source is decoded to, and the files that could not be. */
export interface DecodedSource extends Content {
  readonly leftOut?: readonly LeftOut[];
  /** Of a folder whose reading leaves it to be found. */
  readonly found?: FoundFit | undefined;
  /** How many training images there are, where a sample of them is decoded. */
  readonly sampledFrom?: number | undefined;
  /** Lines for the user that are known only now. */
  readonly notes?: readonly string[];
}

export interface DatasetSource {
  /** The dataset's known name, or the folder's. */
  readonly name: string;
  /** Its path, for error messages. */
  readonly where: string;
  /** Equal files and options give equal content. */
  readonly files: readonly SourceFile[];
  readonly options: Json;
  /** Lines for the user. */
  readonly notes: readonly string[];
  /** Of a folder of images: how it is read. */
  readonly reading?: Reading;
  /** How many classes it has, and the shape of its images, where that is known before any is decoded. */
  readonly classCount?: number;
  readonly shape?: Shape;
  /** About how many images it has to train and to validate, where that is known then. */
  readonly trainImages?: number;
  /** Throws a UserError for invalid data, or the reason of an aborted signal. */
  decode(decoding: Decoding): Promise<DecodedSource>;
}

/** A dataset's name and classes, which IDX files do not hold. */
export interface DatasetInfo {
  readonly name: string;
  readonly classes: readonly string[];
  readonly flip: boolean;
}

export const mnist: DatasetInfo = { name: 'mnist', classes: [...'0123456789'], flip: false };

export const fashionMnist: DatasetInfo = {
  name: 'fashion-mnist',
  classes: ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
  flip: true,
};
