/**
 * What the folders of a tree are: classes, parts that hold the same classes, wrappers around either. Pure. A name alone makes no
 * part: a training part has folders of classes in it, and a part beside it. One folder around everything is descended into.
 */
import { dirname, resolve } from 'node:path';
import { UserError } from '../util/user-error.ts';
import { plural } from '../util/words.ts';
import { isArchiveName } from './file-names.ts';
import { classLimit } from './dataset.ts';
import { areSplits, holdersIn, keyOf, sharedNames, withoutAgain, withoutMasks, withPartsOutside } from './nested.ts';
import { isNoClass, isPlain, partNamed, type PartName } from './part-names.ts';
import type { SourceFile } from './source.ts';
import { hasImages, imagesBelow, othersBelow, type Folder } from './tree.ts';

export interface LabelledFile extends SourceFile {
  readonly label: number;
}

export interface Layout {
  readonly classes: readonly string[];
  readonly train: readonly LabelledFile[];
  /** Undefined: a share of the training images validates. */
  readonly validation: readonly LabelledFile[] | undefined;
  /** Undefined: to be held out. */
  readonly test: readonly LabelledFile[] | undefined;
  readonly notes: readonly string[];
}

/** Where images of classes belong. */
const expected = 'put the images of each class into a folder of its own';

const listed = (folders: readonly Folder[]): string =>
  folders
    .map(({ name }) => `${name}/`)
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');

/** Whether it has folders of classes in it. */
function isLabelled(folder: Folder): boolean {
  const holders = holdersIn(folder);
  return holders.length > 0 && !holders.every(({ name }) => isNoClass(name));
}

/** The folder in it that alone has images, where those lie in folders again. `known`: folders of these names are classes. */
function wrapped(folder: Folder, known: readonly string[] = []): Folder | undefined {
  const [only, ...more] = holdersIn(folder);
  return only !== undefined && more.length === 0 && holdersIn(only).length > 0 && !known.includes(keyOf(only.name))
    ? only
    : undefined;
}

function innermost(folder: Folder, known?: readonly string[]): Folder {
  const inner = wrapped(folder, known);
  return inner === undefined || folder.images.length > 0 ? folder : innermost(inner, known);
}

/** The images of each class, and the files that are none. */
function filesOf(folders: readonly Folder[]): { images: LabelledFile[]; others: SourceFile[] } {
  const images = folders.flatMap((folder, label) => {
    const own = imagesBelow(withoutMasks(folder));
    const others = othersBelow(folder);
    const [other] = others;
    const instead = other === undefined ? '' : ` (but ${plural(others.length, 'other file')}, such as ${other.path})`;
    if (own.length === 0) throw new UserError(`${folder.path}: a class without images${instead}`);
    return own.map((file) => ({ ...file, label }));
  });
  return { images, others: folders.flatMap(othersBelow) };
}

function checkClasses(folder: Folder): void {
  const { path, folders, images } = folder;
  const [only] = folders;
  if (only === undefined || !hasImages(folder)) {
    const what =
      images.length === 0
        ? 'no sub-folders with images in it'
        : `holds ${plural(images.length, 'image')} and no folders of classes: ${expected}, or, if this is one class, give the folder that it lies in, ${dirname(resolve(path))}`;
    throw new UserError(`${path}: ${what}${besideIn(othersBelow(folder))}`);
  }
  if (folders.length === 1) throw new UserError(`${path}: only one class (${only.name}); at least two are needed`);
  if (folders.length > classLimit) throw new UserError(`${path}: ${folders.length} classes, more than ${classLimit}`);
}

/** What lies beside no images: archives, or labels in a form that is not read. */
function besideIn(files: readonly SourceFile[]): string {
  const archive = files.find(({ path }) => isArchiveName(path));
  if (archive !== undefined) return ` (${archive.path} is an archive: unpack it, and give the folder that it makes)`;
  const table = files.find(({ path }) => /\.(jsonl?|xlsx?|ods)$/i.test(path));
  return table === undefined ? '' : ` (labels as in ${table.path} are not read: save them as CSV)`;
}

/** A note of files that are not read, if there are any. */
const noteOf = (files: readonly SourceFile[], noun: string, why: string): string[] =>
  files[0] === undefined ? [] : [`${plural(files.length, noun)} ${why}, such as ${files[0].path}`];

const otherNote = (files: readonly SourceFile[]): string[] =>
  noteOf(files, 'file', `${files.length === 1 ? 'is' : 'are'} ignored, not being ${files.length === 1 ? 'an image' : 'images'}`);
const strayNote = (files: readonly SourceFile[]): string[] =>
  noteOf(files, 'image', `left out that ${files.length === 1 ? 'lies' : 'lie'} in no class`);

/** What is left out of the folders of classes beside their images. */
function maskNote(folders: readonly Folder[]): string[] {
  const masks = folders.flatMap((folder) => {
    const kept = withoutMasks(folder).folders;
    return folder.folders.filter((each) => !kept.includes(each)).flatMap(imagesBelow);
  });
  return noteOf(masks, 'image', `left out that ${masks.length === 1 ? 'is a mask' : 'are masks'} by the folder`);
}

const againNote = (again: readonly Folder[]): string[] =>
  again.length === 0
    ? []
    : [
        `${listed(again)} ${again.length === 1 ? 'has' : 'have'} the folders of the classes again and ${again.length === 1 ? 'is' : 'are'} not read`,
      ];

/** Folders that all have sub-folders, but are no parts by their names. */
function nestedNote(all: readonly Folder[]): string[] {
  const folders = all.map(withoutMasks);
  const inner = folders.map((folder) => holdersIn(folder).map(({ name }) => keyOf(name)));
  const [first = []] = inner;
  const [folder] = folders;
  if (folder === undefined || inner.some((names) => names.length < 2)) return [];
  const names = listed(holdersIn(folder));
  return inner.every((each) => each.join('/') === first.join('/'))
    ? [`each class has ${names} in it: their images are taken together`]
    : [`each class has folders in it: their images are taken together; for ${names} as classes give ${folder.path}`];
}

function layoutOfClasses(whole: Folder): Layout {
  const { classes: folder, again } = withoutAgain(whole);
  const parts = again.filter(({ name }) => ['validation', 'test'].includes(partNamed(name) ?? ''));
  if (parts.length > 0) {
    const train: Candidate = { outer: folder, part: 'train', inner: folder };
    const others = again.map((outer): Candidate => ({ outer, part: partNamed(outer.name), inner: outer }));
    return layoutOfParts(whole, train, [train, ...others]);
  }
  checkClasses(folder);
  const { folders } = folder;
  const { images, others } = filesOf(folders);
  const notes = [
    ...otherNote(others),
    ...strayNote(folder.images),
    ...maskNote(folders),
    ...againNote(again),
    ...nestedNote(folders),
  ];
  return { classes: folders.map(({ name }) => name), train: images, validation: undefined, test: undefined, notes };
}

/** The folders of the classes of the training part, in their order. */
function matched(part: Folder, train: Folder): Folder[] {
  const own = new Map(part.folders.map((folder) => [keyOf(folder.name), folder]));
  const lower = new Map(part.folders.map((folder) => [keyOf(folder.name).toLowerCase(), folder]));
  const found = train.folders.map(({ name }) => own.get(keyOf(name)) ?? lower.get(keyOf(name).toLowerCase()));
  const unknown = part.folders.find((folder) => !found.includes(folder));
  if (unknown !== undefined) throw new UserError(`${unknown.path}: a class that ${train.path} does not have`);
  return found.map((folder, label) => {
    if (folder === undefined)
      throw new UserError(`${part.path}: has no sub-folder of the class ${train.folders[label]?.name ?? ''}`);
    return folder;
  });
}

/** A folder that may be a part, and what is in it below wrappers. */
interface Candidate {
  readonly outer: Folder;
  readonly part: PartName | null;
  readonly inner: Folder;
}

const partWords: { readonly [Name in PartName]: string } = {
  train: 'training',
  validation: 'validation',
  test: 'test',
  unlabelled: 'unlabelled',
};

/** The only candidate; of several the one that has the part's plain name. */
function onlyOne(folder: Folder, part: PartName, candidates: readonly Candidate[]): Candidate | undefined {
  const plain = candidates.filter(({ outer }) => isPlain(outer.name));
  const [first, ...more] = candidates.length > 1 && plain.length > 0 ? plain : candidates;
  if (first !== undefined && more.length > 0)
    throw new UserError(
      `${folder.path}: has several ${partWords[part]} parts, ${listed(candidates.map(({ outer }) => outer))}: keep one`,
    );
  return first;
}

/** Whether a part beside the training part has the folders of its classes. */
function sharesClasses({ outer, inner }: Candidate, train: Candidate): boolean {
  const known = new Set(train.inner.folders.map(({ name }) => keyOf(name).toLowerCase()));
  if (inner.folders.some(({ name }) => known.has(keyOf(name).toLowerCase()))) return true;
  if (holdersIn(inner).length >= 2 && isLabelled(inner)) return true; // With other classes, which `matched` names.
  if (!hasImages(outer) && isPlain(outer.name))
    throw new UserError(`${outer.path}: no ${partWords[partNamed(outer.name) ?? 'test']} images: no sub-folders with images`);
  return false;
}

const isTrainingPart = (folder: Folder): boolean => partNamed(folder.name) === 'train' && isLabelled(innermost(folder));

/** Folders with the same classes in them, of which some are called as parts are and one is not: it may be any part. */
function refuseTwins(folder: Folder, named: readonly Candidate[]): void {
  for (const part of named.filter((each) => each.part !== null && isLabelled(each.inner))) {
    const twin = named.find((each) => each.part === null && sharedNames(each.inner, part.inner).length > 0);
    if (twin === undefined) continue;
    const shared = sharedNames(twin.inner, part.inner).map((name) => `${name}/`);
    throw new UserError(
      `${folder.path}: ${listed([part.outer, twin.outer])} have the same folders in them, such as ${shared.slice(0, 2).join(' and ')}: call the parts train, val and test, or give one of the two; if these are classes, call ${part.outer.name}/ otherwise`,
    );
  }
}

/** Folders that are called as parts are, but have no classes in them. */
function refuseUnlabelled(folder: Folder, candidates: readonly Candidate[]): void {
  const holders = candidates.filter(({ outer }) => hasImages(outer));
  const train = holders.find(({ part }) => part === 'train');
  if (!holders.every(({ part }) => part !== null)) return;
  if (holders.length === 1 && holdersIn(holders[0]?.inner as Folder).some(isTrainingPart)) return;
  const several = holders.filter(({ part }) => part === 'train');
  if (several.length > 1)
    throw new UserError(
      `${folder.path}: ${listed(several.map(({ outer }) => outer))} are called as training parts are: if they are classes, leave the word out of their names; else ${expected}, such as ${folder.path}/train/cat`,
    );
  if (train !== undefined) {
    const images = imagesBelow(train.outer);
    throw new UserError(
      `${train.outer.path}: holds ${plural(images.length, 'image')} without folders of classes: ${expected}, such as ${train.outer.path}/cat and ${train.outer.path}/dog${besideIn([...folder.others, ...othersBelow(train.outer)])}`,
    );
  }
  const labelled = holders.filter(({ inner }) => isLabelled(inner));
  if (labelled.length > 1)
    throw new UserError(
      `${folder.path}: has ${listed(labelled.map(({ outer }) => outer))} but no training images: call their folder train/`,
    );
}

function layoutOfParts(folder: Folder, given: Candidate, all: readonly Candidate[]): Layout {
  const stripped = new Map(all.map((each) => [each, withoutAgain(each.inner)]));
  const within = (each: Candidate): Candidate => ({ ...each, inner: stripped.get(each)?.classes ?? each.inner });
  const train = within(given);
  const candidates = all.map((each) => (each === given ? train : within(each)));
  checkClasses(train.inner);
  const others = candidates.filter((each) => each.part === 'validation' || each.part === 'test');
  const labelled = others.filter((each) => sharesClasses(each, train));
  const [validation, test] = (['validation', 'test'] as const).map((part) =>
    onlyOne(
      folder,
      part,
      labelled.filter((each) => each.part === part),
    ),
  );
  const read = [train, validation, test].flatMap((each) => (each === undefined ? [] : [each]));
  const rest = candidates.filter((each) => !read.includes(each)).map(({ outer }) => outer);
  const alone = rest.filter((each) => hasImages(each) && !isLabelled(each));
  const ignored = rest.filter((each) => !alone.includes(each));
  const [first, ...more] = [train, validation, test].map((each) =>
    each === undefined ? undefined : filesOf(each === train ? train.inner.folders : matched(each.inner, train.inner)),
  );
  const files = [first, ...more].flatMap((each) => (each === undefined ? [] : [each]));
  return {
    classes: train.inner.folders.map(({ name }) => name),
    train: first?.images ?? [],
    validation: more[0]?.images,
    test: more[1]?.images,
    notes: [
      ...(ignored.length === 0
        ? []
        : [`only ${listed(read.map(({ outer }) => outer))} ${read.length === 1 ? 'is' : 'are'} read, not ${listed(ignored)}`]),
      ...alone.map((each) => `${each.name}/ is left alone: ${plural(imagesBelow(each).length, 'image')} in no class`),
      ...(validation === undefined ? [] : [`the images of ${validation.outer.name}/ validate`]),
      ...otherNote(files.flatMap((each) => each.others)),
      ...strayNote(read.flatMap(({ inner }) => inner.images)),
      ...maskNote(read.flatMap(({ inner }) => inner.folders)),
      ...againNote([...stripped.values()].flatMap(({ again }) => again)),
    ],
  };
}

/** Splits of the same classes are neither classes nor parts. */
function refuseSplits({ path, folders }: Folder): void {
  const [first] = folders;
  if (first !== undefined && areSplits(folders))
    throw new UserError(
      `${path}: ${listed(folders)} have the same folders in them, ${listed(holdersIn(first))}: give one of them, such as ${first.path}`,
    );
}

/** The layout where the folders are parts; undefined where they are not. */
function partsIn(folder: Folder): Layout | undefined {
  const named = folder.folders.map((outer): Candidate => ({ outer, part: partNamed(outer.name), inner: innermost(outer) }));
  const training = named.filter(({ part, inner }) => part === 'train' && isLabelled(inner));
  if (training.length === 0) {
    refuseUnlabelled(folder, named);
    if (withoutAgain(folder).again.length === 0) refuseTwins(folder, named);
    return undefined;
  }
  const others = named.filter((each) => !training.includes(each));
  const beside = others.some(({ part }) => part !== null && part !== 'train');
  if (!beside && others.some(({ outer }) => hasImages(outer))) {
    if (withoutAgain(folder).again.length === 0) refuseTwins(folder, named);
    return undefined;
  }
  const train = onlyOne(folder, 'train', training);
  if (train === undefined) return undefined;
  const known = train.inner.folders.map(({ name }) => keyOf(name));
  const candidates = named.map((each) => (each === train ? each : { ...each, inner: innermost(each.outer, known) }));
  return layoutOfParts(folder, train, candidates);
}

/** What is in that folder. A UserError says what was found, and what is expected. */
export function findLayout(root: Folder): Layout {
  const parts = partsIn(root);
  if (parts !== undefined) return parts;
  refuseSplits(root);
  const outside = withPartsOutside(root);
  const turned = outside === undefined ? undefined : partsIn(outside);
  if (turned !== undefined)
    return {
      ...turned,
      notes: [`the parts are in the folders of the classes: ${listed(outside?.folders ?? [])}`, ...turned.notes],
    };
  const inner = wrapped(root);
  if (inner === undefined) return layoutOfClasses(root);
  const layout = findLayout(inner);
  const beside = root.folders.filter((each) => each !== inner);
  const notes = [
    `its images are those of ${inner.name}/${beside.length === 0 ? '' : `; ${listed(beside)} ${beside.length === 1 ? 'has' : 'have'} none`}`,
    ...strayNote(root.images),
  ];
  return { ...layout, notes: [...(partNamed(inner.name) === 'train' && beside.length === 0 ? [] : notes), ...layout.notes] };
}
