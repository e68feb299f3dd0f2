/** What people read for candidates: their ids, but of a given network the name of its file. Pure. */
import { methods } from '../../search/methods/table.ts';
import { startWords, type CandidateId, type SearchState } from '../../search/state.ts';
import { fileNameOf } from '../../util/file-address.ts';
import { printable } from '../../util/words.ts';
import type { Config } from '../record/config.ts';

type From = Pick<Config, 'from'>;

/** A name that a candidate could have, such as `s1c2` or `final.onnx`. */
const isLikeId = (name: string): boolean => /^(?:vanilla|final|baseline|s\d+c\d+)(?:\.\w+)?$/i.test(name);

/** `vanilla` is the id of every start network, in journals too. A given one that is called like a candidate is `given final.onnx`. */
export function shownName({ from }: From, id: CandidateId): string {
  if (id !== 'vanilla' || from === null) return id;
  const name = printable(fileNameOf(from.reference));
  return isLikeId(name) ? `given ${name}` : name;
}

/** The start network in words: `vanilla network`, `given network model.onnx`. */
export const startPhrase = ({ from }: From, search: SearchState): string =>
  from === null ? startWords(search) : `given network ${printable(fileNameOf(from.reference))}`;

/** What is trained first, in words: the start network, or the head of one that is fine-tuned. */
export const firstPhrase = (config: Pick<Config, 'from' | 'settings'>, search: SearchState): string =>
  methods[config.settings.method].tunes ? `head of ${shownName(config, 'vanilla')}` : startPhrase(config, search);

/** What steps do to a network. */
export const changedWord = ({ method }: Pick<Config['settings'], 'method'>): 'grown' | 'shrunk' =>
  methods[method].shrinks ? 'shrunk' : 'grown';

/** A task or a message that begins with a candidate's id. */
export const withShownName = (config: From, text: string): string =>
  text.replace(/^vanilla(?![\w.])/, () => shownName(config, 'vanilla'));
