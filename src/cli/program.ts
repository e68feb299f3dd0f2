/** The command line as commander knows it: commands, options, help. The module of a command is loaded when it is called. */
import { resolve } from 'node:path';
import { Command, Option as CommanderOption } from 'commander';
import { describeOption, flagOf, readTexts, type Options, type Values } from '../options/option.ts';
import { padRight } from './text.ts';
import { UserError } from '../util/user-error.ts';
import { version } from '../util/version.ts';
import { nearest } from '../util/words.ts';
import { exitCodes, printLines, type Io } from './io.ts';
import { usualRuns } from './places.ts';
import { commandOptions, type CommandName, type Given } from '../options/commands.ts';

const examples = `
Examples:
  instar search ./photos --budget 30m     a folder with a sub-folder of images per class
  instar search fashion-mnist --preset quick
  instar plan ./photos --budget 30m       what that search would do and how long it would take
  instar show runs/NAME                   how a network grew
  instar predict runs/NAME photo.jpg      the classes of an image
  instar list                             the runs in runs/

Exit codes: 0 done; 1 failed; 2 the command, the configuration or the data is wrong; 130 interrupted, the best network is kept.
'instar help COMMAND' lists the options of a command.`;

const datasets = `
A dataset is a name (cifar10, fashion-mnist, mnist) or a path: a folder with a sub-folder of images per class (or
train/ and test/ with such folders, and val/), IDX files, or CIFAR-10 binaries.

Defaults are in brackets: those of the preset auto, then those of other presets where they differ.
--set changes any setting, such as --set augmentation.cutout=0.25; 'instar settings' lists them.`;

interface CommandRow<Name extends CommandName> {
  readonly summary: string;
  readonly description: string;
  /** Arguments as commander writes them, and their help. */
  readonly parameters: readonly (readonly [name: string, help: string, usual?: string])[];
  readonly after?: string;
  /** `parameters` as they were given, in one list. */
  run(parameters: readonly string[], given: Given<Name>, io: Io): Promise<number>;
}

const nothing = (): void => undefined;

const dataset = ['<dataset>', 'a name or a path, see below'] as const;
const runFolder = ['<run>', "the run's folder"] as const;
const network = [
  '<network>',
  "a run's folder, a best.safetensors, an .onnx file, or the address of a file with its hash (https://HOST/net.onnx#sha256=DIGITS)",
] as const;

const commands: { readonly [Name in CommandName]: CommandRow<Name> } = {
  search: {
    summary: 'grow a network for labelled images',
    description: 'Grows a network for the images of a dataset, and trains it to the end.',
    parameters: [dataset],
    after: datasets,
    run: async ([data = ''], given, io) => (await import('./search.ts')).searchCommand(data, given, io),
  },
  plan: {
    summary: 'forecast a search on this machine',
    description:
      'Forecasts what a search with these options would train on this machine, and how long each phase would take. Measures the start network, the operators and some children for about 20 seconds, and starts no run.',
    parameters: [dataset],
    after: datasets,
    run: async ([data = ''], given, io) => (await import('./plan.ts')).planCommand(data, given, io),
  },
  resume: {
    summary: 'resume a run that was interrupted',
    description: 'Resumes a run where its journal ends. The winner is the same as that of a run without interruption.',
    parameters: [runFolder],
    run: async ([root = ''], given, io) => (await import('./search.ts')).resumeCommand(root, given, io),
  },
  show: {
    summary: 'print a run: lineage, rungs, layers of the winner',
    description: 'Prints the steps of a run, the children of each step, and the best network, also while the run goes on.',
    parameters: [runFolder],
    run: async ([root = ''], given, io) => (await import('./show.ts')).showCommand(root, given, io),
  },
  front: {
    summary: 'list the networks of a run that no other beats in accuracy and size',
    description:
      'Lists the networks of a run that no other beats in accuracy, parameters and multiply-adds, with what an export in bytes would take. Each can be exported: up to 12 are kept as a search goes on.',
    parameters: [runFolder],
    run: async ([root = ''], given, io) => (await import('./front.ts')).frontCommand(root, given, io),
  },
  report: {
    summary: 'write a run as one HTML file',
    description:
      'Writes a report of a run in one HTML file without other files: family tree, curves, architecture, mistakes and numbers. The run may be unfinished. Several runs go into one file.',
    parameters: [['<run...>', "runs' folders"]],
    run: async (roots, given, io) => (await import('./report.ts')).reportCommand(roots, given, io),
  },
  study: {
    summary: 'compare methods over repeated runs',
    description:
      'Runs the searches of a YAML file and resumes those that were interrupted, then writes tables, figures and a report into its folder. Repetitions or methods that are added to the file later are run too.',
    parameters: [['<file>', 'such as studies/table-2-small.yaml']],
    run: async ([file = ''], given, io) => (await import('./study.ts')).studyCommand(file, given, io),
  },
  worker: {
    summary: 'train for searches on other machines',
    description:
      'Takes jobs from a queue, trains, and returns the results, for searches that were started with the same --queue and --store. Workers can be started and stopped at any time. A password of the queue is read from INSTAR_QUEUE_PASSWORD or INSTAR_QUEUE_PASSWORD_FILE.',
    parameters: [],
    run: async (_none, given, io) => (await import('./worker.ts')).workerCommand(given, io),
  },
  ui: {
    summary: 'open the dashboard: watch, start and compare runs',
    description:
      'Serves a dashboard of the runs and studies in a folder, live, wherever they were started. It can start, stop and resume searches as processes of their own, which go on when the dashboard ends.',
    parameters: [['[folder]', 'the folder of runs', usualRuns]],
    run: async ([folder = ''], given, io) => (await import('./ui.ts')).uiCommand(folder, given, io),
  },
  export: {
    summary: 'write a network of a run as ONNX, TensorFlow Lite or C code, in f32 or in bytes',
    description:
      'Writes a network of a run as an ONNX file with pixels as input, and logits and probabilities as outputs, as a TensorFlow Lite file, or as C code for devices without an operating system. Its results are compared with those of the engine on the validation images, or on the test images for a finished winner. In bytes (--int8) it is four times smaller; what that costs is measured on the same images.',
    parameters: [runFolder],
    run: async ([root = ''], given, io) => (await import('./export.ts')).exportCommand(root, given, io),
  },
  evaluate: {
    summary: 'measure the accuracy of a network',
    description:
      'Measures the best network of a run, or any ONNX image classifier, on the test images of a dataset: accuracy, accuracy per class, and the confusion matrix. An .onnx file is run in a process of its own.',
    parameters: [network, ['<dataset>', 'as for search']],
    run: async ([where = '', data = ''], given, io) => (await import('./evaluate.ts')).evaluateCommand(where, data, given, io),
  },
  predict: {
    summary: 'classify images',
    description: 'Prints the most probable classes of image files: PNG, JPEG, WebP.',
    parameters: [network, ['<image...>', 'image files']],
    run: async ([where = '', ...images], given, io) => (await import('./predict.ts')).predictCommand(where, images, given, io),
  },
  list: {
    summary: 'list the runs in a folder',
    description: 'Prints a line for each run in a folder: its state, accuracy, size, method, and when it last changed.',
    parameters: [['[folder]', 'the folder of runs', usualRuns]],
    run: async ([folder = ''], given, io) => (await import('./list.ts')).listCommand(folder, given, io),
  },
  settings: {
    summary: 'list every setting and its value in each preset',
    description: 'Lists every setting by the name that --set takes, with its value in each preset.',
    parameters: [],
    run: async (_none, _given, io) => (await import('./list-settings.ts')).settingsCommand(io),
  },
  completion: {
    summary: 'print a script that completes commands in a shell',
    description:
      'Prints a script for a shell that completes commands, options and their values: source <(instar completion bash), source <(instar completion zsh), instar completion fish | source.',
    parameters: [['<shell>', 'bash, zsh or fish']],
    run: async ([shell = ''], _given, io) =>
      (await import('./completion.ts')).completionCommand(shell, createProgram(io, nothing), io),
  },
  version: {
    summary: 'print the version',
    description: 'Prints the version.',
    parameters: [],
    run: (_none, _given, io) => {
      printLines(io.out, [version]);
      return Promise.resolve(exitCodes.done);
    },
  },
  help: {
    summary: 'print the help of a command',
    description: 'Prints the help of a command, or that of the program.',
    parameters: [['[command]', 'the command']],
    run: ([name], _given, io) => {
      const program = createProgram(io, nothing);
      const named = program.commands.find((each) => each.name() === name);
      if (name !== undefined && named === undefined)
        throw new UserError(`there is no command ${name}; did you mean ${nearest(name, Object.keys(commands))}?`);
      (named ?? program).outputHelp();
      return Promise.resolve(exitCodes.done);
    },
  },
};

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function addOptions(command: Command, rows: Options): void {
  for (const [key, row] of Object.entries(rows)) {
    const option = new CommanderOption(`${flagOf(key)} ${row.kind.argument}`.trim(), describeOption(row));
    option.helpGroup(`${row.group ?? 'Options'}:`);
    command.addOption(row.kind.repeated === true ? option.argParser(collect) : option);
  }
}

/** The choices of each option that has some, with what each is. */
export function choiceLines(rows: Options): string {
  const blocks = Object.entries(rows).flatMap(([key, { kind }]) => {
    const { choices } = kind;
    if (choices === undefined) return [];
    const width = Math.max(...Object.keys(choices).map((name) => name.length));
    const lines = Object.entries(choices).map(([name, summary]) => `  ${padRight(name, width)}  ${summary}`);
    return [`${flagOf(key)}:`, ...lines];
  });
  return blocks.length === 0 ? '' : `\n${blocks.join('\n')}`;
}

/** Values of the options that a command was called with. A UserError names the option that is wrong. */
export function givenTo<Rows extends Options>(command: Command, rows: Rows): Values<Rows> {
  const parsed = command.opts();
  const texts = command.options.map((option): [string, readonly string[]] => {
    const value: unknown = parsed[option.attributeName()];
    // Commander has `--no-flip` as `flip: false`.
    const key = Object.keys(rows).find((each) => flagOf(each) === option.long) ?? '';
    if (option.negate) return [key, value === false ? [''] : []];
    return [key, value === undefined || value === false ? [] : value === true ? [''] : [value].flat().map(String)];
  });
  return readTexts(rows, Object.fromEntries(texts));
}

/** The exit code goes to `result`. */
export function createProgram(io: Io, result: (code: number) => void): Command {
  const program = new Command('instar')
    .description('Grows convolutional networks: labelled images and a time budget in, a trained network out.')
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', examples)
    .configureHelp({ helpWidth: 110 })
    .configureOutput({ writeOut: (text) => void io.out.write(text), writeErr: () => undefined, outputError: () => undefined })
    .exitOverride();
  const add = <Name extends CommandName>(name: Name): void => {
    const row: CommandRow<Name> = commands[name];
    const rows: Options = commandOptions[name];
    const command = program.command(name).summary(row.summary).description(row.description);
    for (const parameter of row.parameters) command.argument(...parameter);
    addOptions(command, rows);
    command
      .addHelpText('after', `${choiceLines(rows)}${row.after === undefined ? '' : `\n${row.after}`}`)
      .helpOption('-h, --help', 'print this help')
      .configureHelp({ helpWidth: 110 })
      .copyInheritedSettings(program)
      .action(async (...parsed: unknown[]) => {
        const parameters = parsed
          .slice(0, row.parameters.length)
          .flat()
          .filter((each) => each !== undefined) as string[];
        const given = givenTo(command, rows) as Given<Name>;
        // What this process starts, such as searches of the dashboard, keeps its data there too. Of a worker the folder is its own.
        if (name !== 'worker' && 'cache' in given) io.set('INSTAR_CACHE', resolve(String(given.cache)));
        result(await row.run(parameters, given, io));
      });
  };
  for (const name of Object.keys(commands) as CommandName[]) add(name);
  return program;
}
