/** The lines that stay on the screen after a search. Pure. */
import { changedWord, shownName, startPhrase } from '../run/display/names.ts';
import { folderOf } from '../run/record/folder.ts';
import type { RunState } from '../run/record/replay.ts';
import { bestCandidate, frontOf, resultOf } from '../search/ranking.ts';
import { methods } from '../search/methods/table.ts';
import { endsWithHead } from '../search/head-alone.ts';
import { candidateOf, networkOf, type CandidateId } from '../search/state.ts';
import { formatDuration } from '../util/duration.ts';
import { quoted } from '../util/quoted.ts';
import { nextSteps, usedData } from '../run/display/advice.ts';
import { describeClasses } from '../run/display/classes.ts';
import { describeDevice, describeExport } from '../run/display/wording.ts';
import type { Config } from '../run/record/config.ts';
import { lineWidth, paint, type Line } from './styled.ts';
import { padRight } from './text.ts';
import { formatCount, formatPercent, formatWhole, plural } from '../util/words.ts';
import { viewOf } from '../run/display/view.ts';
import { winnersLine } from './render.ts';

/** What became of the candidate that the final training starts from. */
function storyOf({ search }: RunState, config: Config, line: CandidateId): string {
  const { step } = candidateOf(search, line);
  const name = shownName(config, line);
  if (step > 0) return `${name}, ${changedWord(config.settings)} in ${plural(step, 'step')}`;
  if (!methods[config.settings.method].tunes) return `the ${startPhrase(config, search)}, as no child was better`;
  if (endsWithHead(search)) return `${name} with a head of its own`;
  return search.undone ? `${name} with a head of its own; training more of it was taken back` : `${name}, fine-tuned`;
}

/** `resumption`: the command that resumes it. */
export function summary(run: RunState, config: Config, root: string, resumption: string, colour: boolean): string[] {
  const { search } = run;
  const best = bestCandidate(search);
  const folder = folderOf(root);
  const time = formatDuration(run.seconds);
  const row = (name: string, ...content: Line): Line => [[`  ${padRight(name, 11)}`, 'dim'], ...content];
  const resume = row('resume', [resumption, 'accent']);
  const paintAll = (lines: readonly Line[]): string[] => lines.map((line) => paint(line, colour));
  if (best === null) return paintAll([[['Stopped', 'warn'], [` after ${time}, before there was a trained network`]], resume]);
  const candidate = candidateOf(search, best);
  const grownFrom = search.stop?.line ?? best;
  const story = storyOf(run, config, grownFrom);
  const lines: Line[] = [
    search.finished
      ? [['Done', 'good'], [` in ${time}: ${story}`]]
      : [
          ['Stopped', 'warn'],
          [` after ${time}; the best network so far is ${best === 'final' ? story : shownName(config, best)}`],
        ],
  ];
  const tested = search.tests.get(best);
  const test = tested?.measured;
  if (test !== undefined) lines.push(row('test', [formatPercent(test.accuracy), 'bold'], [' accuracy on the test images']));
  if (tested !== undefined)
    for (const sentence of describeClasses(tested.confusion, config.data.classes)) lines.push(row('', [sentence, 'warn']));
  const baseline = search.tests.get('baseline')?.measured;
  const compared = `: the ${startPhrase(config, search)}, trained for the same epochs`;
  if (baseline !== undefined) lines.push(row('baseline', [formatPercent(baseline.accuracy), 'bold'], [compared]));
  const { validation, checkpoint } = resultOf(search, best);
  if (test === undefined && validation !== null) lines.push(row('validation', [formatPercent(validation.accuracy), 'bold']));
  const { parameters, multiplyAdds } = candidate;
  const given = methods[config.settings.method].shrinks ? candidateOf(search, 'vanilla') : candidate;
  const before = `; ${shownName(config, 'vanilla')} has ${formatWhole(given.parameters)} and ${formatCount(given.multiplyAdds)}`;
  lines.push(
    row('size', [
      `${formatWhole(parameters)} parameters, ${formatCount(multiplyAdds)} multiply-adds an image${given.parameters === parameters ? '' : before}`,
    ]),
  );
  const device = describeDevice(networkOf(search, best), { ...config.settings.limits, times: config.times });
  if (device !== null) lines.push(row('device', [device]));
  const lineage = winnersLine(viewOf(run), config, 1000);
  if (lineWidth(lineage) > 0) lines.push(row('lineage', ...lineage));
  const front = frontOf(search);
  const [smallest, ...larger] = front.map((each) => formatCount(each.parameters));
  if (smallest !== undefined && larger.length > 0)
    lines.push(
      row(
        'front',
        [`${plural(front.length, 'network')} of ${smallest} to ${larger.at(-1)} parameters: `],
        [`instar front ${quoted(root)}`, 'accent'],
      ),
    );
  const advised = { run, config, root };
  lines.push(row('data', [usedData(advised)]));
  const exported = run.exports.get(best);
  const file = (name: string, path: string, use: string): Line => row(name, [padRight(path, folder.best.length)], [use, 'dim']);
  lines.push(file('files', folder.bestModel, '  to deploy: pixels in, class probabilities out'));
  if (exported?.checkpoint === checkpoint)
    lines.push(row('', [`  ${describeExport(exported)}`, exported.problem === null ? 'dim' : 'warn']));
  lines.push(file('', folder.best, '  to train further: the network and its weights'));
  lines.push(file('', folder.bestNetwork, '  to read: its layers, classes and normalisation'));
  if (search.finished) {
    lines.push(row('see it', [`instar show ${quoted(root)}`, 'accent']));
    lines.push(row('use it', [`instar predict ${quoted(root)} IMAGE…`, 'accent']));
  } else lines.push(resume);
  nextSteps(advised)
    .flatMap((step) => step.split('\n').map((line, at) => (at === 0 ? line : `  ${line}`)))
    .forEach((line, index) => lines.push(row(index === 0 ? 'to improve' : '', [line])));
  return paintAll(lines);
}
