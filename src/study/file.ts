/** Parses the YAML text of a study; errors name line and column. Reading the file is up to the caller. */
import { LineCounter, parseDocument, visit, type Document } from 'yaml';
import { z } from 'zod';
import { fits, type Fit } from '../data/fit.ts';
import { engineNames } from '../engine/open.ts';
import { determining } from '../run/driving/shared-start.ts';
import { planRungs } from '../search/rungs.ts';
import { differingNames, settingNames, wanted } from '../search/setting-names.ts';
import { mergeSettings, presetNames, presets, settingsSchema, type Settings, type SettingsOverride } from '../search/settings.ts';
import { methodNames, methods, type MethodName } from '../search/methods/table.ts';
import { UserError } from '../util/user-error.ts';
import { nearest } from '../util/words.ts';

/** One of the things that the study compares: a method, or a way to train the vanilla network. */
export interface PlannedArm {
  readonly name: string;
  /** Null for a way to train the vanilla network. */
  readonly method: MethodName | null;
  readonly baseline: boolean;
  /** All settings but the seed, which differs between repetitions. */
  readonly settings: Settings;
}

export interface Study {
  readonly title: string;
  /** `vanilla`: networks that are not grown. */
  readonly kind: 'growth' | 'vanilla';
  readonly dataset: string;
  /** The folder of a named dataset. */
  readonly data: string | null;
  /** The table of labels, and its column. */
  readonly labels: string | null;
  readonly labelColumn: string | null;
  readonly imageSize: number | null;
  /** How a folder's images are brought to size. Null: what the folder asks for. */
  readonly fit: Fit | null;
  readonly engine: (typeof engineNames)[number];
  readonly preset: (typeof presetNames)[number];
  readonly repetitions: number;
  /** The seed of the first repetition and of the shared vanilla network. Each further repetition has the next seed. */
  readonly seed: number;
  readonly arms: readonly PlannedArm[];
  /** Whether the file gives the batch size. Otherwise small datasets have a smaller one. */
  readonly batchGiven: boolean;
}

/** Settings to override, checked by `settingsSchema` once merged with the preset. */
const override = z.record(z.string(), z.unknown());

const methodSchema = z.union([
  z.enum(methodNames),
  z.strictObject({ name: z.string().min(1), method: z.enum(methodNames), settings: override.optional() }),
]);

const studySchema = z.strictObject({
  title: z.string().min(1),
  dataset: z.string().min(1),
  data: z.string().optional(),
  labels: z.string().min(1).optional(),
  labelColumn: z.string().min(1).optional(),
  imageSize: z.int().min(1).optional(),
  fit: z.enum(fits).optional(),
  engine: z.enum(engineNames).default('auto'),
  preset: z.enum(presetNames).default('laptop'),
  repetitions: z.int().min(1).max(1000).default(8),
  seed: z.int().min(0).default(1),
  settings: override.default({}),
  methods: z.array(methodSchema).min(1).optional(),
  variants: z
    .array(z.strictObject({ name: z.string().min(1), settings: override.optional() }))
    .min(1)
    .optional(),
});

type Path = readonly PropertyKey[];

/** The file with the positions of its parts, for messages. */
interface Source {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** The line and column of an offset, such as `12:7`. */
function position({ lines }: Source, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${line}:${col}`;
}

function fail({ file }: Source, at: string, message: string): never {
  throw new UserError(`${file}:${at}: ${message}`);
}

/** The position of a value, or of the nearest enclosing value if it is missing. */
function positionOf(source: Source, path: Path): string {
  const { document } = source;
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    const range = (node as { range?: readonly number[] } | null | undefined)?.range;
    if (range !== undefined) return position(source, range[0] as number);
  }
  return '1:1';
}

function positionOfKey(source: Source, path: Path, key: string): string {
  const { document } = source;
  const parent = path.length === 0 ? document.contents : document.getIn(path, true);
  const items = (parent as { items?: readonly { key?: { value?: unknown; range?: readonly number[] } }[] } | null)?.items ?? [];
  const range = items.find((item) => item.key?.value === key)?.key?.range;
  return range === undefined ? positionOf(source, path) : position(source, range[0] as number);
}

function parse(text: string, file: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const source = { file, document, lines };
  const [syntax] = document.errors;
  if (syntax === undefined) return source;
  const message = syntax.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? syntax.code;
  const isSecond = syntax.code === 'MULTIPLE_DOCS';
  return fail(source, position(source, syntax.pos[0]), isSecond ? 'a study is one document: --- starts a second one' : message);
}

/** The file as plain values. Fails if an alias is unresolved or expands to too much. */
function plainOf(source: Source): unknown {
  const { document } = source;
  try {
    return document.toJS();
  } catch (error) {
    let at = '1:1';
    visit(document, {
      Alias(_key, alias) {
        if (alias.resolve(document) !== undefined) return undefined;
        at = position(source, alias.range?.[0] ?? 0);
        return visit.BREAK;
      },
    });
    return fail(source, at, (error as Error).message.split('\n')[0] ?? '');
  }
}

interface Checked {
  /** The path of the checked value in the file. */
  readonly path: Path;
  /** Known names, from which one is suggested for an unknown key. */
  readonly names: readonly string[];
  /** Printed before names in messages. */
  readonly prefix: '' | 'setting ';
}

/** The first issue and its path. For a union, those of the branch that fits the kind of the value. */
function firstIssue([issue]: readonly z.core.$ZodIssue[]): readonly [z.core.$ZodIssue, Path] {
  if (issue === undefined) throw new Error('bug: a failure without an issue');
  if (issue.code !== 'invalid_union') return [issue, issue.path];
  const isInside = ({ path, code }: z.core.$ZodIssue): boolean => path.length > 0 || code === 'unrecognized_keys';
  const [inner] = issue.errors.find((branch) => branch.every(isInside)) ?? issue.errors[0] ?? [];
  return inner === undefined ? [issue, issue.path] : [inner, [...issue.path, ...inner.path]];
}

function failBy(source: Source, issues: readonly z.core.$ZodIssue[], { path: before, names, prefix }: Checked): never {
  const [issue, within] = firstIssue(issues);
  const path = [...before, ...within];
  const name = within.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const unknown = prefix === '' || name === '' ? key : `${name}.${key}`;
    fail(source, positionOfKey(source, path, key), `there is no ${prefix}${unknown}; did you mean ${nearest(unknown, names)}?`);
  }
  const isMissing =
    ['invalid_type', 'invalid_value'].includes(issue.code) && name !== '' && source.document.getIn(path) === undefined;
  const subject = name === '' && prefix === '' ? 'a study' : `${prefix}${name}`;
  return fail(source, positionOf(source, path), `${subject} ${isMissing ? 'is missing' : wanted(issue)}`);
}

type Given = z.infer<typeof studySchema>;

/** Settings given at some path of the file. */
type GivenSettings = { readonly path: Path; readonly value: Readonly<Record<string, unknown>> | undefined };

/** The preset with the settings given at each path, checked one after the other. */
function settingsFrom(source: Source, preset: Given['preset'], given: readonly GivenSettings[]): Settings {
  // Without the memory limit, which depends on the machine.
  let settings = mergeSettings(presets[preset], { limits: { memory: Number.MAX_SAFE_INTEGER } });
  for (const { path, value = {} } of given) {
    const fixed = Object.keys(value).find((key) => key === 'method' || key === 'seed');
    if (fixed !== undefined) {
      const message =
        fixed === 'seed'
          ? 'give the seed beside the settings, not in them'
          : 'give methods in the list `methods`, not in settings';
      fail(source, positionOfKey(source, path, fixed), message);
    }
    const result = settingsSchema.safeParse(mergeSettings(settings, value as SettingsOverride));
    if (!result.success) return failBy(source, result.error.issues, { path, names: settingNames, prefix: 'setting ' });
    settings = result.data;
  }
  return settings;
}

function armsOf(source: Source, given: Given): readonly PlannedArm[] {
  const settingsOf = (list: string, index: number, value: GivenSettings['value']): Settings =>
    settingsFrom(source, given.preset, [
      { path: ['settings'], value: given.settings },
      { path: [list, index, 'settings'], value },
    ]);
  const grown = given.methods?.map((entry, index): PlannedArm => {
    const { name, method, settings } = typeof entry === 'string' ? { name: entry, method: entry, settings: undefined } : entry;
    const all = settingsOf('methods', index, settings);
    return { name, method, baseline: methods[method].role === 'baseline', settings: { ...all, method, seed: given.seed } };
  });
  const trained = given.variants?.map(({ name, settings }, index): PlannedArm => {
    const all = settingsOf('variants', index, settings);
    const alone = { limits: { ...all.limits, steps: 0 }, final: { ...all.final, epochs: 0 }, baseline: false };
    return { name, method: null, baseline: false, settings: { ...all, ...alone, seed: given.seed } };
  });
  return grown ?? trained ?? [];
}

/** Checks that the arms can be compared, and that their folders have different names. */
function checkArms(source: Source, arms: readonly PlannedArm[], list: 'methods' | 'variants'): void {
  arms.forEach(({ name, settings }, index) => {
    const failHere = (message: string): never => fail(source, positionOf(source, [list, index]), message);
    if (list === 'methods') {
      const [own] = differingNames(settings, (arms[0] as PlannedArm).settings, determining);
      if (own !== undefined)
        failHere(
          `${name} would need its own vanilla network: all methods start from the same one, so ${own} must be the same for all`,
        );
      const rungs = planRungs(settings);
      if (typeof rungs === 'string') failHere(`${name}: ${rungs}`);
      if (settings.final.epochs === 0)
        failHere(`${name}: without a final training (final.epochs 0) the test set is not used, so there is nothing to compare`);
    }
    if (arms.findIndex((other) => folderName(other.name) === folderName(name)) !== index)
      failHere(`the name ${name} is already taken: choose another one`);
  });
}

export function readStudy(text: string, file: string): Study {
  const source = parse(text, file);
  const parsed = studySchema.safeParse(plainOf(source));
  if (!parsed.success)
    return failBy(source, parsed.error.issues, { path: [], names: Object.keys(studySchema.shape), prefix: '' });
  const given = parsed.data;
  if ((given.methods === undefined) === (given.variants === undefined))
    fail(source, '1:1', 'give either methods (networks that grow) or variants (of the vanilla network)');
  const arms = armsOf(source, given);
  checkArms(source, arms, given.methods === undefined ? 'variants' : 'methods');
  const {
    title,
    dataset,
    data = null,
    labels = null,
    labelColumn = null,
    imageSize = null,
    fit = null,
    engine,
    preset,
    repetitions,
    seed,
  } = given;
  const kind = given.methods === undefined ? 'vanilla' : 'growth';
  const batchGiven = [given, ...(given.variants ?? []), ...(given.methods ?? [])].some(
    (each) => typeof each === 'object' && each.settings?.['batch'] !== undefined,
  );
  const origin = { dataset, data, labels, labelColumn, imageSize, fit };
  return { title, kind, ...origin, engine, preset, repetitions, seed, arms, batchGiven };
}

/** The name of an arm as part of a folder name. */
export const folderName = (name: string): string => name.replaceAll(/[^\p{L}\p{N}_.-]+/gu, '-').toLowerCase();
