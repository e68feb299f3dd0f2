/** The YAML file of a study: what it may say, and what is wrong with it, by line and column. It reads no file itself. */
import { LineCounter, parseDocument, visit, type Document } from 'yaml';
import { z } from 'zod';
import { engineNames } from '../engine/open.ts';
import { determining } from '../run/driving/shared-start.ts';
import { planRungs } from '../search/rungs.ts';
import { differingNames, settingNames, wanted } from '../search/setting-names.ts';
import { mergeSettings, presetNames, presets, settingsSchema, type Settings, type SettingsOverride } from '../search/settings.ts';
import { methodNames, methods, type MethodName } from '../search/methods/table.ts';
import { UserError } from '../util/user-error.ts';
import { nearest } from '../util/words.ts';

/** What is compared: a method, or a way to train the vanilla network. */
export interface PlannedArm {
  readonly name: string;
  /** Null: a way to train the vanilla network. */
  readonly method: MethodName | null;
  readonly baseline: boolean;
  /** All settings, but for the seed of a repetition. */
  readonly settings: Settings;
}

export interface Study {
  readonly title: string;
  /** `vanilla`: networks that are not grown. */
  readonly kind: 'growth' | 'vanilla';
  readonly dataset: string;
  /** Where a named dataset's files are. */
  readonly data: string | null;
  readonly imageSize: number | null;
  readonly engine: (typeof engineNames)[number];
  readonly preset: (typeof presetNames)[number];
  readonly repetitions: number;
  /** Of the first repetition, and of the vanilla network that all share; each further repetition has the next. */
  readonly seed: number;
  readonly arms: readonly PlannedArm[];
  /** Whether the file says how large a minibatch is; else small data has a smaller one. */
  readonly batchGiven: boolean;
}

/** Groups of settings; which, is checked by the schema of settings, after the preset has given the rest. */
const override = z.record(z.string(), z.unknown());

const methodSchema = z.union([
  z.enum(methodNames),
  z.strictObject({ name: z.string().min(1), method: z.enum(methodNames), settings: override.optional() }),
]);

const studySchema = z.strictObject({
  title: z.string().min(1),
  dataset: z.string().min(1),
  data: z.string().optional(),
  imageSize: z.int().min(1).optional(),
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

/** Where in the file the value of that path stands, or what of it there is: `12:7`. */
function placeOf(document: Document, lines: LineCounter, path: Path): string {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    const range = (node as { range?: readonly number[] } | null | undefined)?.range;
    if (range === undefined) continue;
    const { line, col } = lines.linePos(range[0] as number);
    return `${line}:${col}`;
  }
  return '1:1';
}

/** Of the key itself, not of its value. */
function placeOfKey(document: Document, lines: LineCounter, path: Path, key: string): string {
  const parent = path.length === 0 ? document.contents : document.getIn(path, true);
  const items = (parent as { items?: readonly { key?: { value?: unknown; range?: readonly number[] } }[] } | null)?.items ?? [];
  const range = items.find((item) => item.key?.value === key)?.key?.range;
  if (range === undefined) return placeOf(document, lines, path);
  const { line, col } = lines.linePos(range[0] as number);
  return `${line}:${col}`;
}

/** Its content without what YAML adds; aliases may name nothing, or multiply without end. */
function plainOf(document: Document, lines: LineCounter, fail: (place: string, message: string) => never): unknown {
  try {
    return document.toJS();
  } catch (error) {
    let place = '1:1';
    visit(document, {
      Alias(_key, alias) {
        if (alias.resolve(document) !== undefined) return undefined;
        const { line, col } = lines.linePos(alias.range?.[0] ?? 0);
        place = `${line}:${col}`;
        return visit.BREAK;
      },
    });
    return fail(place, (error as Error).message.split('\n')[0] ?? '');
  }
}

export function readStudy(text: string, file: string): Study {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const fail = (place: string, message: string): never => {
    throw new UserError(`${file}:${place}: ${message}`);
  };
  const [syntax] = document.errors;
  if (syntax !== undefined) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    if (syntax.code === 'MULTIPLE_DOCS') fail(`${line}:${col}`, 'a study is one document: --- begins a second');
    fail(`${line}:${col}`, syntax.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? syntax.code);
  }

  /** `before`: the path in the file of what was checked; `names`: what an unknown key may have meant. */
  function explain(issues: readonly z.core.$ZodIssue[], before: Path, names: readonly string[], prefix: string): never {
    let [issue] = issues;
    let path: Path = [...before, ...(issue?.path ?? [])];
    // Of a union, what the branch says that fits in kind.
    if (issue?.code === 'invalid_union') {
      const isInside = ({ path: within, code }: z.core.$ZodIssue): boolean => within.length > 0 || code === 'unrecognized_keys';
      const inner = issue.errors.find((branch) => branch.every(isInside)) ?? issue.errors[0];
      const [first] = inner ?? [];
      if (first !== undefined) {
        path = [...path, ...first.path];
        issue = first;
      }
    }
    if (issue === undefined) throw new Error('bug: a failure without an issue');
    const group = path.slice(before.length).map((key) => `${String(key)}.`);
    if (issue.code === 'unrecognized_keys') {
      const key = issue.keys[0] ?? '';
      const known = names.length > 0 ? names : Object.keys(studySchema.shape);
      const asked = names.length > 0 ? `${group.join('')}${key}` : key;
      fail(
        placeOfKey(document, lines, path, key),
        `there is no ${names.length > 0 ? 'setting ' : ''}${asked}; did you mean ${nearest(asked, known)}?`,
      );
    }
    const within = path.slice(before.length).map(String).join('.');
    const name = within === '' && prefix === '' ? 'a study' : `${prefix}${within}`;
    const missing = ['invalid_type', 'invalid_value'].includes(issue.code) && within !== '' && document.getIn(path) === undefined;
    return fail(placeOf(document, lines, path), missing ? `${name} is missing` : `${name} ${wanted(issue)}`);
  }

  const parsed = studySchema.safeParse(plainOf(document, lines, fail));
  if (!parsed.success) return explain(parsed.error.issues, [], [], '');
  const given = parsed.data;
  if ((given.methods === undefined) === (given.variants === undefined))
    fail('1:1', 'either methods (networks that grow) or variants (of the vanilla network) are to be given');

  const fixed = ['method', 'seed'];
  /** The settings of an arm, checked at each place that gives some. */
  function settingsFrom(places: readonly { readonly path: Path; readonly value: Readonly<Record<string, unknown>> }[]): Settings {
    // What a study decides must not follow from the memory that happens to be free.
    let settings = mergeSettings(presets[given.preset], { limits: { memory: Number.MAX_SAFE_INTEGER } });
    for (const { path, value } of places) {
      const fixedHere = Object.keys(value).find((key) => fixed.includes(key));
      if (fixedHere !== undefined)
        fail(
          placeOfKey(document, lines, path, fixedHere),
          fixedHere === 'seed' ? 'the seed stands beside the settings' : 'methods have a list of their own',
        );
      const result = settingsSchema.safeParse(mergeSettings(settings, value as SettingsOverride));
      if (!result.success) return explain(result.error.issues, path, settingNames, 'setting ');
      settings = result.data;
    }
    return settings;
  }

  const base = { path: ['settings'], value: given.settings };
  const arms: PlannedArm[] = [];
  given.methods?.forEach((entry, index) => {
    const { name, method, settings } = typeof entry === 'string' ? { name: entry, method: entry, settings: undefined } : entry;
    const all = settingsFrom([base, { path: ['methods', index, 'settings'], value: settings ?? {} }]);
    const baseline = methods[method].role === 'baseline';
    arms.push({ name, method, baseline, settings: { ...all, method, seed: given.seed } });
  });
  given.variants?.forEach(({ name, settings }, index) => {
    const all = settingsFrom([base, { path: ['variants', index, 'settings'], value: settings ?? {} }]);
    const only = { limits: { ...all.limits, steps: 0 }, final: { ...all.final, epochs: 0 }, baseline: false };
    arms.push({ name, method: null, baseline: false, settings: { ...all, ...only, seed: given.seed } });
  });
  const list = given.methods === undefined ? 'variants' : 'methods';
  const [first] = arms;
  arms.forEach(({ name, settings }, index) => {
    const place = placeOf(document, lines, [list, index]);
    const [own] = first === undefined ? [] : differingNames(settings, first.settings, determining);
    if (given.methods !== undefined && own !== undefined)
      fail(place, `${name} would need a vanilla network of its own: all start from one, so that ${own} must be the same`);
    const rungs = planRungs(settings);
    if (given.methods !== undefined && typeof rungs === 'string') fail(place, `${name}: ${rungs}`);
    if (given.methods !== undefined && settings.final.epochs === 0)
      fail(place, `${name}: without a final training (final.epochs 0) the test set is not read, and there is nothing to compare`);
  });
  arms.forEach(({ name }, index) => {
    if (arms.findIndex((other) => folderName(other.name) === folderName(name)) !== index)
      fail(placeOf(document, lines, [list, index]), `${name} is there already: give it another name`);
  });
  return {
    title: given.title,
    kind: given.methods === undefined ? 'vanilla' : 'growth',
    dataset: given.dataset,
    data: given.data ?? null,
    imageSize: given.imageSize ?? null,
    engine: given.engine,
    preset: given.preset,
    repetitions: given.repetitions,
    seed: given.seed,
    arms,
    batchGiven: [given, ...(given.variants ?? []), ...(given.methods ?? [])].some(
      (each) => typeof each === 'object' && each.settings?.['batch'] !== undefined,
    ),
  };
}

/** An arm's name as a part of a folder's name. */
export const folderName = (name: string): string => name.replaceAll(/[^\p{L}\p{N}_.-]+/gu, '-').toLowerCase();
