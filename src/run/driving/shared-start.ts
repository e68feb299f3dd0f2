/**
 * Takes over the vanilla network that another run trained: the repetitions of a study start from one (§4.1). Its events become the
 * new run's own.
 */
import { fitWords } from '../../data/fit.ts';
import { minibatchesPerEpoch, type Context } from '../../search/next.ts';
import { differingNames, valueOf } from '../../search/setting-names.ts';
import { candidateOf } from '../../search/state.ts';
import { fileCheckpoints } from '../../training/checkpoint.ts';
import { UserError } from '../../util/user-error.ts';
import { readingOf, type Config } from '../record/config.ts';
import type { RunEvent } from '../record/events.ts';
import { folderOf, type Folder } from '../record/folder.ts';
import { readRun } from '../record/read.ts';

/** Settings that the training of the vanilla network depends on, besides the seed. */
export const determining = [
  'widths',
  'images',
  'validation',
  'batch',
  'augmentation',
  'optimizer',
  'momentum',
  'weightDecay',
  'vanilla',
  'start',
] as const;

function checkAlike(root: string, theirs: Config, own: Config): void {
  const [theirFit, fit] = [readingOf(theirs).fit, readingOf(own).fit];
  if (theirFit !== fit && own.data.reading !== undefined)
    throw new UserError(
      `${root}: its vanilla network was trained on images that were ${fitWords[theirFit]}: give --fit ${theirFit}`,
    );
  if (theirs.data.hash !== own.data.hash) throw new UserError(`${root}: its vanilla network was trained on other data`);
  const [name] = differingNames(theirs.settings, own.settings, determining);
  if (name === undefined) return;
  const [then, now] = [theirs, own].map(({ settings }) => JSON.stringify(valueOf(settings, name)));
  throw new UserError(`${root}: its vanilla network was trained with ${name} ${then}, not ${now}`);
}

/** The events of that run's vanilla network, whose checkpoint is put into the folder; or a UserError. */
export async function takeVanilla(root: string, config: Config, folder: Folder, context: Context): Promise<readonly RunEvent[]> {
  const { config: theirs, state, replay } = readRun(root);
  checkAlike(root, theirs, config);
  const count = config.settings.vanilla.epochs * minibatchesPerEpoch(context, false);
  const { search } = state;
  if (!search.candidates.has('vanilla') || (search.tasks.get('vanilla') ?? 0) < count)
    throw new UserError(`${root}: its vanilla network is not trained to the end`);
  const { checkpoint, origin } = candidateOf(search, 'vanilla');
  if (checkpoint === null || origin !== null) throw new UserError(`${root}: it started from a given network`);
  await fileCheckpoints(folder.checkpoints).write(await fileCheckpoints(folderOf(root).checkpoints).read(checkpoint));
  return replay.entries.flatMap(({ n: _n, t: _t, at: _at, ...event }): RunEvent[] => {
    const isVanilla = event.type === 'vanilla' || ((event.type === 'task' || event.type === 'epoch') && event.line === 'vanilla');
    return isVanilla ? [event as RunEvent] : [];
  });
}
