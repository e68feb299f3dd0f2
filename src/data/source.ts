/**
 * The contract of formats: a source is images that lie somewhere, found but not yet decoded. One file a format; `resolve.ts`
 * knows which to ask.
 */
import type { Json } from '../util/json.ts';
import type { Content } from './dataset.ts';

/** A file that the content depends on. */
export interface SourceFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly changed: number;
}

export type DataEvent =
  /** Something that a person should know, in one line. */
  | { readonly kind: 'note'; readonly message: string }
  /** Bytes of a download; `total` is 0 where the other side does not say it. */
  | { readonly kind: 'download'; readonly url: string; readonly received: number; readonly total: number }
  /** Images decoded so far. */
  | { readonly kind: 'decode'; readonly done: number; readonly total: number };

/** How a decoder talks with who called it. */
export interface Listener {
  progress(event: DataEvent): void;
  readonly signal?: AbortSignal;
}

export interface Source {
  /** For people: a known name, or the folder's. */
  readonly name: string;
  /** Where, for error messages. */
  readonly where: string;
  /** Everything that the content depends on: equal files and options give equal content. */
  readonly files: readonly SourceFile[];
  readonly options: Json;
  /** What a person should know of it, a line each. */
  readonly notes: readonly string[];
  /** Bad data is a UserError; an aborted signal throws its reason. */
  decode(listener: Listener): Promise<Content>;
}

/** What is known of a dataset beside its files. */
export interface Known {
  readonly name: string;
  readonly classes: readonly string[];
  readonly flip: boolean;
}

const digits = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

export const mnist: Known = { name: 'mnist', classes: digits, flip: false };

export const fashionMnist: Known = {
  name: 'fashion-mnist',
  classes: ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
  flip: true,
};
