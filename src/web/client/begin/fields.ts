/** The form of a search: its fields as they are typed, and the search that they ask for. Pure. */
import { presets } from '../../../search/settings.ts';
import { formatCount } from '../../../util/words.ts';
import type { SearchForm } from '../../api.ts';

/** Texts as they stand in the fields; empty where nothing is asked. */
export interface Fields {
  readonly data: string;
  readonly name: string;
  readonly preset: SearchForm['preset'];
  readonly method: SearchForm['method'];
  readonly budget: string;
  readonly seed: string;
  readonly steps: string;
  readonly maxParams: string;
  readonly maxMacs: string;
  readonly images: string;
  readonly imageSize: string;
  readonly workers: string;
  readonly engine: SearchForm['engine'];
  readonly baseline: boolean;
}

/** As the command line has it. */
export const usualFields: Fields = {
  data: '',
  name: '',
  preset: 'laptop',
  method: 'shr',
  budget: '',
  seed: '1',
  steps: '',
  maxParams: '',
  maxMacs: '',
  images: '',
  imageSize: '',
  workers: '',
  engine: 'auto',
  baseline: false,
};

const textOf = <Name extends string>(name: Name, text: string): { readonly [Key in Name]?: string } =>
  (text.trim() === '' ? {} : { [name]: text.trim() }) as { [Key in Name]?: string };
const numberOf = <Name extends string>(name: Name, text: string): { readonly [Key in Name]?: number } =>
  (text.trim() === '' ? {} : { [name]: Number(text) }) as { [Key in Name]?: number };

export const formOf = (fields: Fields): SearchForm => ({
  data: fields.data,
  ...textOf('name', fields.name),
  preset: fields.preset,
  method: fields.method,
  ...textOf('budget', fields.budget),
  seed: Number(fields.seed),
  ...numberOf('steps', fields.steps),
  ...textOf('maxParams', fields.maxParams),
  ...textOf('maxMacs', fields.maxMacs),
  ...textOf('images', fields.images),
  ...numberOf('imageSize', fields.imageSize),
  ...numberOf('workers', fields.workers),
  engine: fields.engine,
  baseline: fields.baseline,
});

export const presetWords: { readonly [Name in SearchForm['preset']]: string } = {
  quick: 'a first look: small networks, 4,000 images, minutes',
  laptop: 'what two cores do in about an hour',
  paper: 'the paper’s own scale: 23 hours of search, 200 epochs after it',
};

export const methodWords: { readonly [Name in SearchForm['method']]: string } = {
  nash: 'NASH: hill climbing, all children are trained alike',
  sh: 'SH: successive halving, the better half goes on after each rung',
  shr: 'SHR: successive halving, the learning rate starts anew at each rung',
  shrsep: 'SHRsep: the same, with separable convolutions',
  random: 'random: one child is drawn and trained, to compare with',
  vanilla: 'vanilla: no growth, to compare with',
};

export const engineWords: { readonly [Name in SearchForm['engine']]: string } = {
  auto: 'auto: oneDNN where it is found, else ONNX Runtime',
  onednn: 'oneDNN',
  onnx: 'ONNX Runtime',
  reference: 'reference: slow, in plain loops, to check the others',
};

const count = (value: number | null, none: string): string => (value === null ? none : formatCount(value).replace(' ', ''));

/** What stands where nothing is typed: the preset's own. */
export function presetHints(
  preset: SearchForm['preset'],
): Readonly<Record<'steps' | 'maxParams' | 'maxMacs' | 'images', string>> {
  const { images, limits } = presets[preset];
  return {
    steps: count(limits.steps, 'no limit'),
    maxParams: count(limits.parameters, 'no limit'),
    maxMacs: count(limits.multiplyAdds, 'no limit'),
    images: count(images, 'all'),
  };
}
