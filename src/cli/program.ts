/** The command line as commander knows it: commands, options, help. What a command does is loaded when it is called. */
import { Command, Option } from 'commander';
import { version } from '../util/version.ts';
import type { Given } from './given.ts';
import type { Io } from './io.ts';
import { groups, settingOptions, type SettingOption } from './search-options.ts';
import { describeDefault } from './settings.ts';

function settingOption(row: SettingOption): Option {
  const text = row.quiet === true ? row.text : `${row.text} ${describeDefault(row.settings[0] ?? '')}`;
  return new Option(row.flags, text).helpGroup(row.group);
}

const option = (group: string, flags: string, text: string): Option => new Option(flags, text).helpGroup(group);

const models = 'ONNX files:';
const pixels = (): Option =>
  option(models, '--pixels <scale>', 'what they take: raw (0 to 255), unit (0 to 1) or normalised (raw for bytes)');
const memory = (): Option => option(models, '--max-memory <bytes>', 'of the process that runs it (4G)');
const timeout = (): Option => option(models, '--timeout <time>', 'for opening it, and for each batch (2m)');

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

const examples = `
Examples:
  instar search ./photos --budget 30m     a folder with a sub-folder of images a class
  instar search fashion-mnist --preset quick
  instar plan ./photos --budget 30m       what that would do, before it is run
  instar show runs/NAME                   how a network grew
  instar predict runs/NAME photo.jpg      what it sees

Exit codes: 0 done, 1 failed, 2 the command, the configuration or the data is wrong, 130 interrupted with the best kept.
'instar COMMAND --help' has the options of a command.`;

const datasets = `
A dataset is a name (cifar10, fashion-mnist, mnist) or a path: a folder with a sub-folder of PNG, JPEG or WebP images a
class (or train/ and test/ of such), IDX files, or CIFAR-10 binaries.

Numbers in brackets are the defaults: of the preset laptop, then of the others where they differ.
--set reaches every setting, such as --set augmentation.cutout=0.25; 'instar settings' lists them.`;

/** The options that say what is searched for, and those of the command alone. */
function addAsked(command: Command, own: readonly Option[]): Command {
  const { run, data, training } = groups;
  const asked = [
    option(run, '--preset <name>', 'paper, laptop (an hour on two cores) or quick (a minute or two) (laptop)'),
    option(run, '--budget <time>', 'for everything, the final training included, such as 30m'),
    option(run, '--from <path>', 'an .onnx model or a run, whose network is grown further'),
    option(run, '--workers <n>', "children that train side by side (the processor's cores)"),
    option(
      run,
      '--threads <n>',
      'the most threads of one child (as many as workers); with --queue: cores of the smallest machine',
    ),
    option(run, '--engine <name>', 'auto, onednn, onnx or reference (auto: onednn where it is, else onnx)'),
    option(run, '--device <name>', 'cpu, webgpu or cuda; with engine onnx (cpu)'),
    option(run, '--convolution <name>', 'auto or direct: exact, and slower (auto)'),
    ...own,
    option(data, '--data <folder>', "where a named dataset's files are"),
    option(data, '--image-size <n>', 'pixels a side, for folders (their own, up to 64)'),
    ...settingOptions.map(settingOption),
    option(training, '--set <name=value>', 'any other setting; may be given again').argParser(collect),
  ];
  for (const each of asked) command.addOption(each);
  return command.addHelpText('after', datasets);
}

/** `result` hears the exit code. */
export function createProgram(io: Io, result: (code: number) => void): Command {
  const program = new Command('instar')
    .description('Grows convolutional networks: labelled images and a budget in, a trained network out.')
    .version(version, '-V, --version', "Instar's version")
    .helpOption('-h, --help', 'this help')
    .helpCommand(false)
    .addHelpText('after', examples)
    .configureHelp({ helpWidth: 110 })
    .configureOutput({ writeOut: (text) => void io.out.write(text), writeErr: () => undefined, outputError: () => undefined })
    .exitOverride();

  addAsked(
    program
      .command('search')
      .summary('grow a network for labelled images')
      .description('Grows a network for the images of a dataset and trains it to the end.')
      .argument('<dataset>', 'a name or a path, see below'),
    [
      option(groups.run, '--vanilla <run>', 'take over the trained vanilla network of that run'),
      option(groups.run, '--run <folder>', "the run's folder (a new one in runs/)"),
      option(
        groups.run,
        '--queue <address>',
        'put jobs there for workers: redis://HOST, rediss://HOST or postgres://USER@HOST/DATABASE',
      ),
      option(groups.run, '--store <address>', 'what they travel through: file:DIR or s3://bucket/prefix'),
      option(groups.run, '--mixed', 'with --queue: also workers whose engine, processor, Node or Instar is another'),
      option(groups.run, '--json', "the journal's events as lines on stdout"),
    ],
  ).action(async (dataset: string, given: Given) =>
    result(await (await import('./search.ts')).searchCommand(dataset, given, io)),
  );

  addAsked(
    program
      .command('plan')
      .summary('what a search would do here, before it is run')
      .description(
        'Says what a search with these options would train on this machine and how long each phase would take; with a budget, what that buys. Times the vanilla network, the operators and some children, about 20 seconds, and runs nothing.',
      )
      .argument('<dataset>', 'a name or a path, see below'),
    [option(groups.run, '--json', 'as JSON')],
  ).action(async (dataset: string, given: Given) => result(await (await import('./plan.ts')).planCommand(dataset, given, io)));

  program
    .command('resume')
    .summary('go on where a run stopped')
    .description('Goes on with a run, where its journal ends. A run that was not disturbed ends with the same winner.')
    .argument('<run>', "the run's folder")
    .option('--budget <time>', 'more time, such as +10m')
    .option('--queue <address>', 'put jobs there for workers, as for search')
    .option('--store <address>', 'what they travel through, as for search')
    .option('--mixed', 'go on with another engine, processor or Node than before, also of workers; then the bits may differ')
    .option('--json', "the journal's events as lines on stdout")
    .action(async (run: string, given: Given) => result(await (await import('./resume.ts')).resumeCommand(run, given, io)));

  program
    .command('show')
    .summary('a run as text: lineage, rungs, the layers of the winner')
    .description('Shows a run, also one that goes on just now: its steps, what became of each child, the best network.')
    .argument('<run>', "the run's folder")
    .option('--json', 'as JSON')
    .action(async (run: string, given: Given) => result(await (await import('./show.ts')).showCommand(run, given, io)));

  program
    .command('report')
    .summary('a run as one HTML file to look at')
    .description(
      'Writes a report of a run: its family tree, curves, architecture, mistakes and numbers, in one HTML file that needs nothing beside it. A run that is going on or was interrupted is shown as far as it has come. Several runs go into one file.',
    )
    .argument('<run...>', "runs' folders")
    .option('--out <file>', "where to write it (report.html in the run's folder)")
    .option('--figures <folder>', 'write each figure as an SVG file, too')
    .action(async (runs: readonly string[], given: Given) =>
      result(await (await import('./report.ts')).reportCommand(runs, given, io)),
    );

  program
    .command('study')
    .summary('methods and repetitions, and their tables')
    .description(
      'Runs the searches that a YAML file names, side by side, and goes on with those that stopped; then writes tables, figures and a report into its folder. More repetitions or methods in the file are added to what is there.',
    )
    .argument('<file>', 'such as studies/table-2-small.yaml')
    .option('--folder <folder>', "where its runs are (runs/ and the file's name)")
    .option('--jobs <n>', "runs side by side (the processor's cores)")
    .option('--data <folder>', "where a named dataset's files are")
    .option('--mixed', 'go on with runs of another processor, engine or Node too: their bits differ')
    .action(async (file: string, given: Given) => result(await (await import('./study.ts')).studyCommand(file, given, io)));

  program
    .command('worker')
    .summary('work for searches that run elsewhere')
    .description(
      'Takes jobs from a queue, trains, and hands back what came of it, for searches that were begun with the same --queue and --store. As many may be started as there are machines; they come and go as they like. A password of the queue comes from INSTAR_QUEUE_PASSWORD or INSTAR_QUEUE_PASSWORD_FILE.',
    )
    .option('--queue <address>', 'redis://HOST, rediss://HOST or postgres://USER@HOST/DATABASE')
    .option('--store <address>', 'file:DIR or s3://bucket/prefix')
    .option('--jobs <n>', 'at a time, at most (as many as threads)')
    .option('--threads <n>', 'of all jobs together (as many as jobs, else the cores of this machine)')
    .option('--engine <name>', 'auto, onednn, onnx or reference (auto)')
    .option('--device <name>', 'cpu, webgpu or cuda; with engine onnx (cpu)')
    .option('--cache <folder>', 'for checkpoints and data (one of its own below the cache)')
    .option('--cache-size <bytes>', 'that it may take, about (10G)')
    .action(async (given: Given) => result(await (await import('./worker.ts')).workerCommand(given, io)));

  program
    .command('ui')
    .summary('the dashboard: watch networks grow, begin searches')
    .description(
      'Serves a dashboard of the runs and studies in a folder, live while they go on, also those that were begun elsewhere. It can begin, stop and resume searches, which are processes of their own: ending the dashboard does not end them.',
    )
    .argument('[folder]', 'the folder of runs', 'runs')
    .option('--port <n>', 'to listen on; 0: any that is free (4310)')
    .option('--host <address>', 'to listen on; on another than this machine alone, everything needs the token (127.0.0.1)')
    .option('--data <folder>', 'where data sets are, for searches that are begun from the page')
    .option('--no-open', 'do not open a browser')
    .action(async (folder: string, given: Given) => result(await (await import('./ui.ts')).uiCommand(folder, given, io)));

  program
    .command('export')
    .summary('a network of a run as an .onnx file to deploy')
    .description(
      'Writes a network of a run as an ONNX file: raw pixels in, logits and probabilities out. Before it is written it is run on the validation images (the finished winner on the test images) and compared with the engine.',
    )
    .argument('<run>', "the run's folder")
    .option('--onnx <file>', 'where to write it')
    .option('--step <n>', 'the winner of a step; 0: the vanilla network (the best network)')
    .option('--child <id>', 'a child, such as s2c3')
    .option('--json', 'as JSON')
    .action(async (run: string, given: Given) => result(await (await import('./export.ts')).exportCommand(run, given, io)));

  program
    .command('evaluate')
    .summary('how right a network is')
    .description(
      'Measures the best network of a run, or any ONNX classifier of one image, on the test images of a dataset: accuracy, a class and in all, and the confusion matrix. An .onnx file is run in a process of its own.',
    )
    .argument('<network>', "a run's folder, a best.safetensors, or an .onnx file")
    .argument('<dataset>', 'as for search')
    .option('--part <name>', 'test, or all: the training images too (test)')
    .option('--data <folder>', "where a named dataset's files are")
    .option('--engine <name>', "auto, onednn, onnx or reference (the run's)")
    .addOption(pixels())
    .addOption(memory())
    .addOption(timeout())
    .option('--json', 'as JSON')
    .action(async (run: string, dataset: string, given: Given) =>
      result(await (await import('./evaluate.ts')).evaluateCommand(run, dataset, given, io)),
    );

  program
    .command('predict')
    .summary('what a network sees on images')
    .description('Gives the most probable classes of image files: PNG, JPEG, WebP.')
    .argument('<network>', "a run's folder, a best.safetensors, or an .onnx file")
    .argument('<image...>', 'image files')
    .option('--top <n>', 'classes shown (3)')
    .option('--engine <name>', "auto, onednn, onnx or reference (the run's)")
    .addOption(pixels())
    .addOption(memory())
    .addOption(timeout())
    .option('--json', 'as JSON')
    .action(async (run: string, images: readonly string[], given: Given) =>
      result(await (await import('./predict.ts')).predictCommand(run, images, given, io)),
    );

  program
    .command('settings')
    .summary('every setting and its value in the presets')
    .description('Lists every setting by the name that --set takes, with its value in each preset.')
    .action(async () => result((await import('./list-settings.ts')).settingsCommand(io)));

  for (const command of program.commands)
    command.helpOption('-h, --help', 'this help').configureHelp({ helpWidth: 110 }).copyInheritedSettings(program);
  return program;
}
