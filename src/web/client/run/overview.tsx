/** What a run does now, and what came of it in sentences. */
import { useMemo } from 'preact/hooks';
import { describeClasses } from '../../../run/display/classes.ts';
import { nextSteps } from '../../../run/display/advice.ts';
import { describeFrom, describePlan, stopWords } from '../../../run/display/wording.ts';
import { validationFigure } from '../../../report/figures/validation.ts';
import { conditionSentence, resultOf } from '../../../report/result.ts';
import type { RunDetails } from '../../../report/run-details.ts';
import { methods } from '../../../search/methods/table.ts';
import { formatWhole, plural } from '../../../util/words.ts';
import { ReportFigure } from '../parts.tsx';
import type { LiveRun } from '../run-store.ts';
import { RunProgress } from './progress.tsx';

/** What would help most, once there is a result. */
function Advice({ subject }: { readonly subject: RunDetails }) {
  const steps = nextSteps({ run: subject.state, config: subject.config, root: subject.name });
  if (subject.condition === 'running' || steps.length === 0) return null;
  return (
    <div>
      <h2>What would help most</h2>
      <ul>
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ul>
    </div>
  );
}

function Result({ subject }: { readonly subject: RunDetails }) {
  const { condition, state, config, settings } = subject;
  const { stop, tests } = state.search;
  const test = tests.get('final');
  const about = test === undefined ? [] : describeClasses(test.confusion, config.data.classes);
  const [first, ...others] = resultOf(subject);
  const images = Math.min(settings.images ?? Infinity, config.data.trainImages);
  return (
    <div>
      <p class="result">{first}</p>
      <p>{others.join(' ')}</p>
      {about.length === 0 ? null : <p>Of the test images: {about.join('; ')}.</p>}
      {condition === 'running' ? null : (
        <p class={`condition ${condition === 'finished' ? '' : 'open'}`}>
          {conditionSentence(subject)}
          {stop === null ? null : ` The search ended: ${stopWords[stop.reason] ?? stop.reason}.`}
        </p>
      )}
      <p class="quiet">
        {methods[settings.method].label} on {config.data.name}, {plural(config.data.classes.length, 'class', 'classes')},{' '}
        {images < config.data.trainImages ? `at most ${formatWhole(images)} of ` : ''}
        {plural(config.data.trainImages, 'training image')}; preset {config.preset}, seed {settings.seed}; {config.engine.name}{' '}
        {config.engine.version} ({config.engine.instructionSet}), {plural(config.workers, 'worker')}
        {describeFrom(config).map((origin) => `; started ${origin}`)}.
        {state.plan === null || state.budget === null
          ? null
          : ` ${describePlan(state.plan, state.budget, config).replace(/^p/, 'P')}.`}
      </p>
    </div>
  );
}

export function OverviewTab({ run, subject }: { readonly run: LiveRun; readonly subject: RunDetails }) {
  const validation = useMemo(() => validationFigure(subject), [subject]);
  return (
    <>
      {run.condition === 'finished' ? null : <RunProgress run={run} />}
      <div class="overview">
        <div class="columns">
          <Result subject={subject} />
          <Advice subject={subject} />
        </div>
        <ReportFigure figure={validation} prefix="run" />
      </div>
    </>
  );
}
