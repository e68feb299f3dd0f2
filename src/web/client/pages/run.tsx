/** A run as it goes on: what it does now, its family, its curves, its operators, its settings and what it said. */
import './run.css';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { agreementFigure } from '../../../report/figures/agreement.ts';
import { finalFigure } from '../../../report/figures/final.ts';
import { learningRateFigure } from '../../../report/figures/learning-rate.ts';
import { sizeFigure } from '../../../report/figures/size.ts';
import { treeFigure } from '../../../report/figures/tree.ts';
import { validationFigure } from '../../../report/figures/validation.ts';
import { factsSection } from '../../../report/sections/facts.ts';
import { stepTable } from '../../../report/sections/family.ts';
import { settingsSection } from '../../../report/sections/settings.ts';
import { childrenOf, type RunDetails } from '../../../report/run-details.ts';
import type { Step } from '../../../search/state.ts';
import { runLog } from '../api.ts';
import { Drawn } from '../drawn.tsx';
import { FigureOf, useRun } from '../parts.tsx';
import { addressOf } from '../route.ts';
import { subjectOfRun, type LiveRun } from '../run-store.ts';
import { Head } from '../run/head.tsx';
import { LossCurves } from '../run/loss-curves.tsx';
import { Now } from '../run/now.tsx';
import { Operators } from '../run/operators.tsx';

const place = 'run';

/** A step, its table made once it is looked at. Whoever opens or closes it has it so, whatever comes. */
function StepOf({
  subject,
  step,
  isLatest,
  link,
}: {
  readonly subject: RunDetails;
  readonly step: Step;
  readonly isLatest: boolean;
  readonly link: (line: string) => string;
}) {
  const [chosen, choose] = useState<boolean | null>(null);
  const isOpen = chosen ?? isLatest;
  return (
    <details
      open={isOpen}
      onToggle={(event) => {
        const { open } = event.currentTarget;
        if (open !== isOpen) choose(open);
      }}
    >
      <summary>
        <strong>Step {step.step}</strong>{' '}
        <span class="quiet">
          {step.winner === null ? 'goes on' : step.winner === step.parent ? 'ended with its parent' : `was won by ${step.winner}`}
        </span>
      </summary>
      {isOpen ? <Drawn markup={stepTable(subject, step, childrenOf(subject, step), place, link)} /> : null}
    </details>
  );
}

/** The steps, the latest first and unfolded. */
function Steps({ subject, id }: { readonly subject: RunDetails; readonly id: string }) {
  const { steps } = subject.state.search;
  const link = (line: string): string => addressOf({ page: 'network', run: id, line });
  return (
    <>
      {steps.toReversed().map((step, index) => (
        <StepOf key={step.step} subject={subject} step={step} isLatest={index === 0} link={link} />
      ))}
    </>
  );
}

/** What the run has said: its events in words, and what its process wrote where it was begun from here. */
function Log({ run }: { readonly run: LiveRun }) {
  const box = useRef<HTMLPreElement>(null);
  const [process, setProcess] = useState('');
  useEffect(() => {
    void runLog(run.facts.id).then(setProcess, () => setProcess(''));
  }, [run.condition]);
  useEffect(() => {
    const pre = box.current;
    // Whoever has scrolled up reads.
    if (pre !== null && pre.scrollHeight - pre.scrollTop - pre.clientHeight < 80) pre.scrollTop = pre.scrollHeight;
  }, [run.log.length]);
  return (
    <section aria-labelledby="log-title">
      <h2 id="log-title">Log</h2>
      {run.view.messages.length === 0 ? null : (
        <ul class="bad">
          {run.view.messages.map((message, index) => (
            <li key={index}>{message}</li>
          ))}
        </ul>
      )}
      <pre class="log" ref={box} tabIndex={0} aria-label="Events in words">
        {run.log.slice(-400).join('\n')}
      </pre>
      {process.trim() === '' ? null : (
        <details>
          <summary>What its process wrote</summary>
          <pre class="log" tabIndex={0} aria-label="Output of the process">
            {process}
          </pre>
        </details>
      )}
    </section>
  );
}

function Body({ run, id }: { readonly run: LiveRun; readonly id: string }) {
  // What a replay makes changes with its events alone, not with every sign of life.
  const subject = useMemo(() => subjectOfRun(run), [run.view.run, run.condition]);
  const isGrown = subject.grown !== null;
  const figures = useMemo(
    () =>
      isGrown
        ? {
            tree: treeFigure(subject),
            validation: validationFigure(subject),
            small: [learningRateFigure(subject), sizeFigure(subject), agreementFigure(subject), finalFigure(subject)],
          }
        : null,
    [subject],
  );
  return (
    <>
      <Head run={run} subject={subject} />
      {run.condition === 'finished' ? null : <Now run={run} />}
      {figures === null ? null : (
        <>
          <section aria-labelledby="family-title">
            <h2 id="family-title">The family</h2>
            <FigureOf figure={figures.tree} place={place} />
            <Steps subject={subject} id={id} />
          </section>
          <section aria-labelledby="curves-title">
            <h2 id="curves-title">The curves</h2>
            <FigureOf figure={figures.validation} place={place} />
            <LossCurves subject={subject} />
            <div class="figures">
              {figures.small.map((figure) =>
                figure === null ? null : <FigureOf key={figure.name} figure={figure} place={place} />,
              )}
            </div>
          </section>
          <Operators subject={subject} />
        </>
      )}
      <Log run={run} />
      <Drawn markup={useMemo(() => settingsSection(subject, place), [subject])} />
      <Drawn markup={useMemo(() => factsSection(subject, place), [subject])} />
    </>
  );
}

export function RunPage({ run: id }: { readonly run: string }) {
  const status = useRun(id).value;
  useEffect(() => {
    document.title = `${id} · Instar`;
  }, [id]);
  switch (status.kind) {
    case 'loading':
      return (
        <main id="main">
          <h1>{id}</h1>
          <p role="status">Reading its journal …</p>
        </main>
      );
    case 'failed':
      return (
        <main id="main">
          <h1>{id}</h1>
          <p class="bad" role="alert">
            {status.message}
          </p>
        </main>
      );
    case 'run':
      return (
        <main id="main">
          {status.connected ? null : (
            <p class="condition open" role="status">
              The server is away: this is what was known. It is asked again until it answers.
            </p>
          )}
          {status.problem === null ? null : (
            <p class="bad" role="alert">
              {status.problem}
            </p>
          )}
          <Body run={status.run} id={id} />
        </main>
      );
  }
}
