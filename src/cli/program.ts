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

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

const examples = `
Examples:
  instar search ./photos --budget 30m     a folder with a sub-folder of images a class
  instar search fashion-mnist --preset quick
  instar show runs/NAME                   how a network grew
  instar predict runs/NAME photo.jpg      what it sees

Exit codes: 0 done, 1 failed, 2 the command, the configuration or the data is wrong, 130 interrupted with the best kept.
'instar COMMAND --help' has the options of a command.`;

const datasets = `
A dataset is a name (cifar10, fashion-mnist, mnist) or a path: a folder with a sub-folder of PNG, JPEG or WebP images a
class (or train/ and test/ of such), IDX files, or CIFAR-10 binaries.

Numbers in brackets are the defaults: of the preset laptop, then of the others where they differ.
--set reaches every setting, such as --set augmentation.cutout=0.25; 'instar settings' lists them.`;

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

  const search = program
    .command('search')
    .summary('grow a network for labelled images')
    .description('Grows a network for the images of a dataset and trains it to the end.')
    .argument('<dataset>', 'a name or a path, see below')
    .addOption(option(groups.run, '--preset <name>', 'paper, laptop (an hour on two cores) or quick (a minute or two) (laptop)'))
    .addOption(option(groups.run, '--budget <time>', 'for everything, the final training included, such as 30m'))
    .addOption(option(groups.run, '--run <folder>', "the run's folder (a new one in runs/)"))
    .addOption(option(groups.run, '--workers <n>', "children that train side by side (the processor's cores)"))
    .addOption(option(groups.run, '--engine <name>', 'auto, onednn, onnx or reference (auto: onednn where it is, else onnx)'))
    .addOption(option(groups.run, '--device <name>', 'cpu, webgpu or cuda; with engine onnx (cpu)'))
    .addOption(option(groups.run, '--convolution <name>', 'auto or direct: exact, and slower (auto)'))
    .addOption(option(groups.run, '--json', "the journal's events as lines on stdout"))
    .addOption(option(groups.data, '--data <folder>', "where a named dataset's files are"))
    .addOption(option(groups.data, '--image-size <n>', 'pixels a side, for folders (their own, up to 64)'));
  for (const row of settingOptions) search.addOption(settingOption(row));
  search
    .addOption(option(groups.training, '--set <name=value>', 'any other setting; may be given again').argParser(collect))
    .addHelpText('after', datasets)
    .action(async (dataset: string, given: Given) =>
      result(await (await import('./search.ts')).searchCommand(dataset, given, io)),
    );

  program
    .command('resume')
    .summary('go on where a run stopped')
    .description('Goes on with a run, where its journal ends. A run that was not disturbed ends with the same winner.')
    .argument('<run>', "the run's folder")
    .option('--budget <time>', 'more time, such as +10m')
    .option('--mixed', 'go on with another engine, processor or Node than before; then the bits may differ')
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
    .command('evaluate')
    .summary('how right the best network of a run is')
    .description('Measures the best network of a run on the test images of a dataset: accuracy, loss, confusions.')
    .argument('<run>', "the run's folder, or a best.safetensors")
    .argument('<dataset>', 'as for search')
    .option('--part <name>', 'test, or all: the training images too (test)')
    .option('--data <folder>', "where a named dataset's files are")
    .option('--engine <name>', "auto, onednn, onnx or reference (the run's)")
    .option('--json', 'as JSON')
    .action(async (run: string, dataset: string, given: Given) =>
      result(await (await import('./evaluate.ts')).evaluateCommand(run, dataset, given, io)),
    );

  program
    .command('predict')
    .summary('what the best network of a run sees on images')
    .description('Gives the most probable classes of image files: PNG, JPEG, WebP.')
    .argument('<run>', "the run's folder, or a best.safetensors")
    .argument('<image...>', 'image files')
    .option('--top <n>', 'classes shown (3)')
    .option('--engine <name>', "auto, onednn, onnx or reference (the run's)")
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
