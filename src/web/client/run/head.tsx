/** The head of a run's page: how good, how large, how fast, how long; and what can be done with it. */
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { timeLeft } from '../../../run/display/time-left.ts';
import type { RunDetails } from '../../../report/run-details.ts';
import { tiles } from '../../../report/sections/tiles.ts';
import { resumeRun, stopRun } from '../api.ts';
import { Action, CopyButton, Link, ModelLink, ReportMarkup, StateMark } from '../parts.tsx';
import type { LiveRun } from '../run-store.ts';
import { accuracyOf, Attention } from './attention.tsx';

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
  const { facts, condition, kept, view, now } = run;
  const { best } = subject;
  const left = condition === 'running' ? timeLeft(view, facts.config, now) : null;
  return (
    <header class="run">
      <h1>
        {facts.name} <StateMark state={condition} />
      </h1>
      <ReportMarkup markup={tiles(subject, now, left)} />
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
        <Attention name={facts.name} condition={condition} now={now} left={left} accuracy={accuracyOf(subject)} />
        <CopyButton text={facts.command} label="Copy the command line" />
        {condition === 'running' || condition === 'finished' ? null : (
          <CopyButton text={facts.resume} label="Copy the resume command" />
        )}
      </div>
    </header>
  );
}
