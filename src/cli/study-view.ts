/** The live display of a study: the runs in progress, and the results of each method. Pure. */
import type { Config } from '../run/record/config.ts';
import { candidateOf, validationOf } from '../search/state.ts';
import type { PlannedRun } from '../study/run.ts';
import { formatDuration } from '../util/duration.ts';
import { formatCount, formatPercent, plural } from '../util/words.ts';
import { fit, paint, spread, type Line, type Span } from './styled.ts';
import { bar, padRight } from './text.ts';
import { phaseOf, settingsOf, type Phase, type View } from '../run/display/view.ts';
import { workOf } from '../run/display/time-left.ts';
import { mean } from '../util/numbers.ts';

/** A run in progress. */
export interface Active {
  readonly run: PlannedRun;
  readonly view: View;
  /** Null before its first event. */
  readonly config: Config | null;
}

/** The accuracy of a finished run: on the test set, or without a test evaluation in validation. */
export interface Ended {
  readonly accuracy: number;
  readonly seconds: number;
}

export interface StudyScene {
  readonly title: string;
  readonly root: string;
  readonly arms: readonly { readonly name: string; readonly ended: readonly Ended[] }[];
  readonly repetitions: number;
  readonly jobs: number;
  readonly active: readonly Active[];
  readonly failed: number;
  /** Since this command began. */
  readonly seconds: number;
  readonly notice: string | null;
}

/** The result of a run; null where it is not finished. */
export function endOf({ run: { search, seconds } }: Pick<View, 'run'>): Ended | null {
  if (!search.finished || search.stop === null) return null;
  const measured = search.tests.get('final')?.measured ?? validationOf(search, search.stop.line);
  return measured === null ? null : { accuracy: measured.accuracy, seconds };
}

const phaseNames: { readonly [Kind in Exclude<Phase['kind'], 'step'>]: string } = {
  start: 'starting',
  vanilla: 'vanilla network',
  final: 'final training',
  baseline: 'baseline',
  test: 'test',
  verification: 'verifying the file',
  done: 'done',
};

function phaseWords(view: View, config: Config): string {
  const phase = phaseOf(view.run.search, view.running);
  if (phase.kind !== 'step') return phaseNames[phase.kind];
  const { steps } = settingsOf(view, config).limits;
  const rung = phase.rung === null ? '' : `, rung ${phase.rung + 1}`;
  return `step ${phase.step.step}${steps === null ? '' : ` of ${steps}`}${rung}`;
}

function bestWords(view: View): string {
  const { candidates, steps } = view.run.search;
  if (!candidates.has('vanilla')) return '';
  const best = steps.findLast(({ winner }) => winner !== null)?.winner ?? 'vanilla';
  const accuracy = validationOf(view.run.search, best)?.accuracy;
  return accuracy === undefined
    ? ''
    : `${best} ${formatPercent(accuracy)}, ${formatCount(candidateOf(view.run.search, best).parameters)}`;
}

function activeLine({ run, view, config }: Active, nameWidth: number, width: number): Line {
  const name: Line = [['  '], [padRight(run.folder, nameWidth), 'bold'], ['  ']];
  if (config === null) return [...name, ['starting', 'dim']];
  const { done, left } = workOf(view, config);
  const drawn = bar(done / (done + left), 16);
  const right: Line = [[bestWords(view), 'dim']];
  return spread([...name, [drawn.full, 'accent'], [drawn.empty], ['  '], [phaseWords(view, config)]], right, width);
}

/** Seconds left, estimated from the finished runs; null without one. */
function secondsLeft({ arms, repetitions, jobs, active }: StudyScene): number | null {
  const all = arms.flatMap(({ ended }) => ended.map(({ seconds }) => seconds));
  if (all.length === 0) return null;
  const left = arms.reduce((sum, { ended }) => {
    const own = ended.length > 0 ? ended.map(({ seconds }) => seconds) : all;
    return sum + (repetitions - ended.length) * mean(own);
  }, 0);
  const gone = active.reduce((sum, { view }) => sum + view.run.seconds, 0);
  return Math.max(0, left - gone) / jobs;
}

/** At most `height` lines; runs and methods that do not fit are counted. */
export function renderStudy(scene: StudyScene, width: number, height: number, colour: boolean): readonly string[] {
  const { title, arms, repetitions, active, failed, seconds, notice } = scene;
  const ended = arms.reduce((sum, arm) => sum + arm.ended.length, 0);
  const left = secondsLeft(scene);
  const count = `${ended} of ${plural(arms.length * repetitions, 'run')}`;
  const times = `${formatDuration(seconds)}${left === null ? '' : `, about ${formatDuration(left)} left`}`;
  const nameWidth = Math.max(...active.map(({ run }) => run.folder.length), 0);
  const armWidth = Math.max(...arms.map(({ name }) => name.length));
  const lines: Line[] = [
    spread([[title, 'strong']], [[`${count}, ${times}`, 'dim']], width),
    ...cut(
      active.map((each) => activeLine(each, nameWidth, width)),
      Math.max(2, height - 4 - arms.length),
    ),
    [],
    ...arms.map((arm): Line => {
      const share = bar(arm.ended.length / repetitions, 8);
      const accuracy = arm.ended.length === 0 ? '' : formatPercent(mean(arm.ended.map((each) => each.accuracy)));
      const counted: Span = [`  ${padRight(`${arm.ended.length} of ${repetitions}`, 8)}  `, 'dim'];
      const name = padRight(arm.name, armWidth);
      return fit([['  '], [name], ['  '], [share.full, 'accent'], [share.empty], counted, [accuracy, 'bold']], width);
    }),
    ...(failed === 0 ? [] : [[[`  ${plural(failed, 'run')} failed`, 'bad']] as Line]),
    ...(notice === null ? [] : [fit([[notice, 'warn']], width)]),
  ];
  return cut(lines, height).map((line) => paint(line, colour));
}

/** The first lines, and how many more there are. */
function cut(lines: readonly Line[], room: number): readonly Line[] {
  if (lines.length <= room) return lines;
  return [...lines.slice(0, Math.max(0, room - 1)), [[`  … and ${lines.length - Math.max(0, room - 1)} more`, 'dim']]];
}
