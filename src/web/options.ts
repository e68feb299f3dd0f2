/** The options of the command line that a form stands for: what the server runs, and what a page shows to be copied. Pure. */
import type { SearchForm } from './api.ts';

/** `data` names the images. */
export function optionsOf(form: SearchForm, data: readonly string[]): readonly string[] {
  const option = (name: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [`--${name}=${value}`];
  return [
    ...data,
    ...option('preset', form.preset),
    ...option('method', form.method),
    ...option('budget', form.budget),
    ...option('seed', form.seed),
    ...option('steps', form.steps),
    ...option('max-params', form.maxParams),
    ...option('max-macs', form.maxMacs),
    ...option('images', form.images),
    ...option('image-size', form.imageSize),
    ...option('workers', form.workers),
    ...option('engine', form.engine),
    ...(form.baseline ? ['--baseline'] : []),
  ];
}
