/** The head of a run's page: its settings, its result, and its actions. */
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { describeFrom, describePlan, stopWords } from '../../../run/display/wording.ts';
import { conditionSentence, resultOf } from '../../../report/result.ts';
import type { RunDetails } from '../../../report/run-details.ts';
import { methods } from '../../../search/methods/table.ts';
import { formatDuration } from '../../../util/duration.ts';
import { formatWhole, plural } from '../../../util/words.ts';
import { resumeRun, stopRun } from '../api.ts';
import { Action, CopyButton, Link, ModelLink, StateMark } from '../parts.tsx';
import type { LiveRun } from '../run-store.ts';

function Resume({ run, finished }: { readonly run: LiveRun; readonly finished: boolean }) {
  const budget = useSignal('');
  const form = useRef<HTMLFormElement>(null);
  const isBudgeted = run.facts.config.budget !== null;
  // A finished search continues only with more time.
  if (finished && !isBudgeted) return null;
  return (
    <form ref={form} class="resume" onSubmit={(event) => event.preventDefault()}>
      {isBudgeted ? (
        <label>
          more time{' '}
          <input
            type="text"
            size={6}
            placeholder="10m"
            pattern="\+?(\d{1,7}(\.\d{1,3})?[smhd])+|\+?\d{1,7}"
            title="a time, such as 10m or 1h30m"
            required={finished}
            value={budget.value}
            onInput={(event) => (budget.value = event.currentTarget.value)}
          />
        </label>
      ) : null}
      <Action
        submits
        act={async () => {
          if (form.current?.reportValidity() !== true) return;
          await resumeRun(run.facts.id, budget.value === '' ? undefined : budget.value.replace(/^\+/, ''));
        }}
      >
        {finished ? 'Continue with more time' : 'Resume'}
      </Action>
    </form>
  );
}

export function RunHead({ run, subject }: { readonly run: LiveRun; readonly subject: RunDetails }) {
  const { facts, condition, kept } = run;
  const { config } = facts;
  const { settings, best } = subject;
  const images = Math.min(settings.images ?? Infinity, config.data.trainImages);
  const stop = subject.state.search.stop;
  const [first, ...others] = resultOf(subject);
  const { plan, budget } = subject.state;
  return (
    <header class="run">
      <h1>{facts.name}</h1>
      <p class="what">
        <StateMark state={condition} /> · {methods[settings.method].label} on <strong>{config.data.name}</strong>,{' '}
        {plural(config.data.classes.length, 'class', 'classes')},{' '}
        {images < config.data.trainImages ? `at most ${formatWhole(images)} of ` : ''}
        {plural(config.data.trainImages, 'training image')}; preset {config.preset}, seed {settings.seed}; {config.engine.name}{' '}
        {config.engine.version} ({config.engine.instructionSet}), {plural(config.workers, 'worker')}
        {describeFrom(config).map((origin) => `; started ${origin}`)}
      </p>
      <p class="result">{first}</p>
      <p>{others.join(' ')}</p>
      {condition === 'running' ? null : (
        <p class={`condition ${condition === 'finished' ? '' : 'open'}`}>
          {conditionSentence(subject)}
          {stop === null ? null : ` The search ended: ${stopWords[stop.reason] ?? stop.reason}.`}
        </p>
      )}
      {plan === null || budget === null ? null : <p class="quiet">{describePlan(plan, budget, config)}.</p>}
      <div class="doing">
        {condition === 'running' ? (
          <>
            <Action act={() => stopRun(facts.id)}>Stop, keep the best</Action>
            {facts.id.includes('/') ? (
              <span class="quiet">This stops all runs of its study; “instar study” resumes them.</span>
            ) : null}
          </>
        ) : (
          <Resume run={run} finished={condition === 'finished'} />
        )}
        {best !== null && kept.has(best) ? (
          <ModelLink run={facts.id} candidate={best}>
            Best network as ONNX
          </ModelLink>
        ) : null}
        {best === null ? null : (
          <Link to={{ page: 'network', run: facts.id, candidate: best }} class="button">
            Open the network
          </Link>
        )}
        <CopyButton text={facts.command} label="Copy the command line" />
        {condition === 'running' || condition === 'finished' ? null : (
          <CopyButton text={facts.resume} label="Copy the resume command" />
        )}
        <span class="quiet">{formatDuration(run.now)} of active time</span>
      </div>
    </header>
  );
}
