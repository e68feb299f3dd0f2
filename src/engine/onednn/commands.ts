/** The commands of a compiled program, in the order in which they run, and the regions of memory that they use. */
import type { Descriptor, PrimitiveDescriptor } from './adapter.ts';
import type { Call } from './kernels/calls.ts';
import type { Native, Primitive } from './native.ts';

/** A region of memory. */
export interface Region {
  readonly bytes: number;
  /** `kept` lives between runs; `arena` from command `first` to `last`, both included. */
  readonly place: 'kept' | 'arena';
  first: number;
  last: number;
}

/** Regions that may share memory if this is the last read; null where none may. */
export type InPlace = readonly [read: Region, write: Region] | null;

interface Uses {
  readonly label: string;
  readonly uses: readonly Region[];
  readonly inPlace: InPlace;
}

/** A kernel of the library. */
export interface NativeCommand extends Uses {
  readonly kind: 'native';
  readonly primitive: Primitive;
  readonly implementation: string;
  readonly arguments: readonly NativeArgument[];
}

export interface NativeArgument {
  readonly argument: number;
  readonly region: Region;
  readonly descriptor: Descriptor;
}

/** A loop in JavaScript. `prepare` is called once, after memory is allocated. */
export interface ScriptCommand extends Uses {
  readonly kind: 'script';
  readonly prepare: (view: (region: Region) => Float32Array) => () => void;
}

/** Kernels of our own, by all threads. `calls` is asked once, after memory is allocated. */
export interface OwnCommand extends Uses {
  readonly kind: 'own';
  /** For display. */
  readonly implementation: string;
  readonly calls: (offset: (region: Region) => number) => readonly Call[];
}

export type Command = NativeCommand | ScriptCommand | OwnCommand;

/** Collects the commands and regions of one program. */
export interface Recorder {
  /** To run at each run of the session. */
  readonly commands: Command[];
  /** To run after state is loaded. */
  readonly afterLoad: Command[];
  readonly regions: Region[];
  region(bytes: number, place: Region['place']): Region;
  /** Adds a command to one of the two lists; in `commands` it extends the lifetimes of the regions that it uses. */
  append(list: Command[], command: Command): void;
  /** Adds a kernel of the library to one of the two lists. */
  kernel(
    list: Command[],
    label: string,
    descriptor: PrimitiveDescriptor,
    values: readonly NativeArgument[],
    inPlace?: InPlace,
  ): void;
}

export function openRecorder(native: Native): Recorder {
  const regions: Region[] = [];
  const commands: Command[] = [];
  const append = (list: Command[], command: Command): void => {
    if (list === commands)
      for (const used of command.uses) {
        used.first = Math.min(used.first, commands.length);
        used.last = commands.length;
      }
    list.push(command);
  };
  return {
    commands,
    afterLoad: [],
    regions,
    region(bytes, place) {
      const fresh: Region = { bytes, place, first: Number.POSITIVE_INFINITY, last: -1 };
      regions.push(fresh);
      return fresh;
    },
    append,
    kernel: (list, label, descriptor, values, inPlace = null) =>
      append(list, {
        kind: 'native',
        label,
        implementation: native.implementation(descriptor),
        primitive: native.create(descriptor),
        arguments: values,
        uses: values.map((value) => value.region),
        inPlace,
      }),
  };
}
