/** The pages of commands and of settings, made of the tables that the command line itself is made of. Pure. */
import { z } from 'zod';
import { processIo } from '../src/cli/io.ts';
import { commandOptions, type CommandName } from '../src/options/commands.ts';
import { createProgram } from '../src/cli/program.ts';
import { describeOption, flagOf, type Option, type Options } from '../src/options/option.ts';
import { planOptions } from '../src/options/table.ts';
import { settingLeaves, settingNames, valueOf } from '../src/search/setting-names.ts';
import { plannedByWork, presetNames, presets, presetSummaries, type PresetName } from '../src/search/settings.ts';
import { settingWords } from './setting-words.ts';

const made = (command: string): string =>
  `This page is written by \`${command}\` from the tables that the program itself uses. Change those, not this page.`;

/** A line break ends a row, and so does a bar; `<` begins a tag outside backticks. */
const cell = (text: string): string =>
  text
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|')
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replaceAll(/<(?=[a-z])/g, '\\<')))
    .join('');
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] => [
  row(...head),
  row(...head.map(() => '---')),
  ...rows.map((each) => row(...each)),
];

const flagText = (key: string, { kind }: Option): string => `\`${`${flagOf(key)} ${kind.argument}`.trim()}\``;

function optionTables(rows: Options): readonly string[] {
  const all = Object.entries(rows);
  const groups = [...new Set(all.map(([, { group = 'Options' }]) => group))];
  return groups.flatMap((name) => [
    ...(groups.length === 1 ? [] : ['', `**${name}**`]),
    '',
    ...table(
      ['option', 'what it does'],
      all
        .filter(([, { group = 'Options' }]) => group === name)
        .map(([key, option]) => [flagText(key, option), describeOption(option)]),
    ),
  ]);
}

/** The names that an option takes, with what each is. */
function choices(rows: Options): readonly string[] {
  const lines = Object.entries(rows).flatMap(([key, option]) =>
    Object.entries(option.kind.choices ?? {}).map(([name, summary]) => [flagText(key, option), `\`${name}\``, summary]),
  );
  return lines.length === 0 ? [] : ['', ...table(['option', 'name', 'what it is'], lines)];
}

export function commandsPage(): string {
  const { commands } = createProgram(processIo, () => undefined);
  const parts = commands.flatMap((command) => {
    const rows: Options = commandOptions[command.name() as CommandName];
    const words = command.registeredArguments.map((argument) => {
      const name = argument.variadic ? `${argument.name()}...` : argument.name();
      return argument.required ? `<${name}>` : `[${name}]`;
    });
    const usage = ['instar', command.name(), ...(Object.keys(rows).length === 0 ? [] : ['[options]']), ...words].join(' ');
    const described = command.registeredArguments.map((argument, at) => [
      `\`${words[at] ?? ''}\``,
      argument.description.replace(', see below', ': [photos and labels](photos.md)'),
    ]);
    return [
      '',
      `## ${command.name()}`,
      '',
      command.description(),
      '',
      '```',
      usage,
      '```',
      ...(described.length === 0 ? [] : ['', ...table(['argument', 'what it is'], described)]),
      ...(Object.keys(rows).length === 0 ? [] : optionTables(rows)),
      ...choices(rows),
    ];
  });
  return [
    '# Commands',
    '',
    'Every command with its options. `instar help COMMAND` prints the same in the terminal. Defaults are in brackets: those of the preset',
    '`auto` first, then those of other presets where they differ. Any setting that has no option of its own is changed with `--set`',
    '([settings](settings.md)). Exit codes: 0 done; 1 failed; 2 the command, the configuration or the data is wrong; 130 interrupted, the',
    'best network is kept.',
    '',
    made('npm run docs:reference'),
    '',
    ...table(
      ['command', 'what it does'],
      commands.map((command) => [`[${command.name()}](#${command.name()})`, command.summary()]),
    ),
    ...parts,
    '',
  ].join('\n');
}

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly const?: unknown;
}

/** What a value may be, in words. */
function allowed(schema: Schema): string {
  const { type = '', anyOf: any, items } = schema;
  if (any !== undefined) return any.map(allowed).join(' or ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((name) => `\`${name}\``).join(', ');
  if (type === 'null') return '`null`';
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'array') return `a list: ${allowed(items ?? {})}`;
  if (type === 'object') return 'a group: names with numbers';
  const { minimum: low, exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  const high = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum;
  const bounds = [
    low === undefined ? '' : `from ${low}`,
    above === undefined ? '' : `above ${above}`,
    high === undefined ? '' : `to ${high}`,
    below === undefined ? '' : `below ${below}`,
  ].filter((each) => each !== '');
  return [type === 'integer' ? 'a whole number' : 'a number', ...bounds].join(' ');
}

const options: Options = planOptions;

/** The options that give a setting its value. */
const optionsOf = (name: string): readonly (readonly [string, Option])[] =>
  Object.entries(options).filter(([, { settings = [] }]) => settings.includes(name));

function meaningOf(name: string): string {
  const words = settingWords[name] ?? optionsOf(name).find(([, { sets }]) => sets === undefined || sets === true)?.[1].help;
  if (words === undefined) throw new Error(`site/setting-words.ts does not say what ${name} is`);
  return words;
}

function valueIn(preset: PresetName, name: string): string {
  if (preset === 'auto' && plannedByWork.includes(name)) return 'planned';
  const value = valueOf(presets[preset], name);
  return value === Number.MAX_SAFE_INTEGER ? 'free memory' : `\`${JSON.stringify(value)}\``;
}

export function settingsPage(): string {
  const lines = settingNames.map((name) => [
    `\`${name}\``,
    meaningOf(name),
    allowed(z.toJSONSchema(settingLeaves.get(name) ?? z.never(), { io: 'input', unrepresentable: 'any' }) as Schema),
    optionsOf(name)
      .map(([key]) => `\`${flagOf(key)}\``)
      .join(', '),
  ]);
  const values = settingNames.map((name) => [`\`${name}\``, ...presetNames.map((preset) => valueIn(preset, name))]);
  return [
    '# Settings',
    '',
    'A setting is a value that a result depends on. A preset gives all of them a value; options and `--set` change some:',
    '',
    '```sh',
    'instar search ./photos --budget 30m --set augmentation.cutout=0.25 --set optimizer.rates.shift=16',
    'instar search ./photos --budget 30m --set operators=\'{"insert-convolution":2,"alter-channels":1}\'',
    'instar settings                # every setting, with its value in each preset',
    '```',
    '',
    'A name that does not exist is refused, with the nearest one that does. A run keeps its settings in `config.json`, which nothing',
    'changes afterwards.',
    '',
    made('npm run docs:reference'),
    '',
    '## Presets',
    '',
    ...table(
      ['preset', 'what it is for'],
      presetNames.map((name) => [`\`${name}\``, presetSummaries[name]]),
    ),
    '',
    '## Every setting',
    '',
    ...table(['setting', 'what it is', 'values', 'option'], lines),
    '',
    '## Values in the presets',
    '',
    '“Planned”: follows from `--budget` or `--work` ([budgets](budgets.md)), unless it is given.',
    '',
    ...table(['setting', ...presetNames], values),
    '',
  ].join('\n');
}

/** By their paths in the repository. */
export const referencePages: Readonly<Record<string, () => string>> = {
  'docs/commands.md': commandsPage,
  'docs/settings.md': settingsPage,
};
