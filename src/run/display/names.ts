/** What people read for candidates: their ids, but of a given network the name of its file. Pure. */
import { methods } from '../../search/methods/table.ts';
import { startWords, type CandidateId, type SearchState } from '../../search/state.ts';
import { printable } from '../../util/words.ts';
import type { Config } from '../record/config.ts';

type From = Pick<Config, 'from'>;

/** The last part of a path; slashes at its end do not count. */
export const lastPart = (path: string): string => /([^/]*)\/*$/.exec(path)?.[1] || path;

/** `vanilla` is the id of every start network, in journals too. */
export const shownName = ({ from }: From, id: CandidateId): string =>
  id === 'vanilla' && from !== null ? printable(lastPart(from.reference)) : id;

/** The start network in words: `vanilla network`, `given network model.onnx`. */
export const startPhrase = (config: From, search: SearchState): string =>
  config.from === null ? startWords(search) : `given network ${shownName(config, 'vanilla')}`;

/** What is trained first, in words: the start network, or the head of one that is fine-tuned. */
export const firstPhrase = (config: Pick<Config, 'from' | 'settings'>, search: SearchState): string =>
  methods[config.settings.method].tunes ? `head of ${shownName(config, 'vanilla')}` : startPhrase(config, search);

/** A task or a message that begins with a candidate's id. */
export const withShownName = (config: From, text: string): string =>
  text.replace(/^vanilla(?![\w.])/, () => shownName(config, 'vanilla'));
