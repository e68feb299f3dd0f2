/** The lines that stay on the screen after a search. Pure. */
import { folderOf } from '../run/record/folder.ts';
import type { RunState } from '../run/record/replay.ts';
import { bestCandidate } from '../search/ranking.ts';
import { candidateOf, validationOf, startWords } from '../search/state.ts';
import { formatDuration } from '../util/duration.ts';
import { quoted } from '../util/quoted.ts';
import { describeExport } from '../run/display/wording.ts';
import { lineWidth, paint, type Line, type Span } from './styled.ts';
import { padRight } from './text.ts';
import { formatCount, formatPercent, formatWhole, plural } from '../util/words.ts';
import { viewOf } from '../run/display/view.ts';
import { winnersLine } from './render.ts';

/** `resumption`: the command that resumes it. */
export function summary(run: RunState, root: string, resumption: string, colour: boolean): string[] {
  const { search } = run;
  const best = bestCandidate(search);
  const folder = folderOf(root);
  const time = formatDuration(run.seconds);
  const rows: [string, Line][] = [];
  const resume: [string, Line] = ['resume', [[resumption, 'accent']]];
  const head = (text: string, style: 'good' | 'warn', rest: string): Line => [[text, style], [rest]];
  if (best === null)
    return [
      head('Stopped', 'warn', ` after ${time}, before there was a trained network`),
      [[`  ${padRight(resume[0], 11)}`, 'dim'] as Span, ...resume[1]],
    ].map((line) => paint(line, colour));
  const candidate = candidateOf(search, best);
  const grownFrom = search.stop?.line ?? best;
  const steps = candidateOf(search, grownFrom).step;
  const story =
    steps === 0 ? `the ${startWords(search)}, as no child was better` : `${grownFrom}, grown in ${plural(steps, 'step')}`;
  const first = search.finished
    ? head('Done', 'good', ` in ${time}: ${story}`)
    : head('Stopped', 'warn', ` after ${time}; the best network so far is ${best === 'final' ? story : best}`);
  const test = search.tests.get(best)?.measured;
  if (test !== undefined) rows.push(['test', [[formatPercent(test.accuracy), 'bold'], [' accuracy on the test images']]]);
  const baseline = search.tests.get('baseline')?.measured;
  if (baseline !== undefined)
    rows.push([
      'baseline',
      [[formatPercent(baseline.accuracy), 'bold'], [`: the ${startWords(search)}, trained for the same epochs`]],
    ]);
  const validation = validationOf(search, best);
  if (test === undefined && validation !== null) rows.push(['validation', [[formatPercent(validation.accuracy), 'bold']]]);
  rows.push([
    'size',
    [[`${formatWhole(candidate.parameters)} parameters, ${formatCount(candidate.multiplyAdds)} multiply-adds an image`]],
  ]);
  const lineage = winnersLine(viewOf(run), 1000);
  if (lineWidth(lineage) > 0) rows.push(['lineage', lineage]);
  const exported = run.exports.get(best);
  const width = folder.best.length;
  rows.push(['files', [[padRight(folder.bestModel, width)], ['  to deploy: pixels in, class probabilities out', 'dim']]]);
  if (exported?.checkpoint === candidate.checkpoint)
    rows.push(['', [[`  ${describeExport(exported)}`, exported.problem === null ? 'dim' : 'warn']]]);
  rows.push(['', [[padRight(folder.best, width)], ['  to train further: the network and its weights', 'dim']]]);
  rows.push(['', [[padRight(folder.bestNetwork, width)], ['  to read: its layers, classes and normalisation', 'dim']]]);
  if (search.finished) {
    rows.push(['see it', [[`instar show ${quoted(root)}`, 'accent']]]);
    rows.push(['use it', [[`instar predict ${quoted(root)} IMAGE…`, 'accent']]]);
  } else rows.push(resume);
  return [first, ...rows.map(([name, content]): Line => [[`  ${padRight(name, 11)}`, 'dim'], ...content])].map((text) =>
    paint(text, colour),
  );
}
