/** A run: its progress, family tree, curves, operators, settings and log. */
import { withShownName } from '../../../run/display/names.ts';
import './run.css';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { agreementFigure } from '../../../report/figures/agreement.ts';
import { finalFigure } from '../../../report/figures/final.ts';
import { learningRateFigure } from '../../../report/figures/learning-rate.ts';
import { frontFigure } from '../../../report/figures/front.ts';
import { sizeFigure } from '../../../report/figures/size.ts';
import { treeFigure } from '../../../report/figures/tree.ts';
import { validationFigure } from '../../../report/figures/validation.ts';
import { factsSection, settingsSection } from '../../../report/sections/facts.ts';
import { stepTable } from '../../../report/sections/family.ts';
import { childrenOf, type RunDetails } from '../../../report/run-details.ts';
import type { Step } from '../../../search/state.ts';
import { runLog } from '../api.ts';
import { ReportFigure, ReportMarkup, RunFrame, useLoaded } from '../parts.tsx';
import { addressOf } from '../route.ts';
import { subjectOfRun, type LiveRun } from '../run-store.ts';
import { LossCurves, Operators } from '../run/curves.tsx';
import { RunHead } from '../run/head.tsx';
import { RunProgress } from '../run/progress.tsx';

const prefix = 'run';

interface StepProps {
  readonly subject: RunDetails;
  readonly step: Step;
  readonly isLatest: boolean;
  readonly link: (candidate: string) => string;
}

/** The table is made when the step is first unfolded. */
function StepDetails({ subject, step, isLatest, link }: StepProps) {
  const [chosen, choose] = useState<boolean | null>(null);
  const isOpen = chosen ?? isLatest;
  const result =
    step.winner === null ? 'in progress' : step.winner === step.parent ? 'no child was selected' : `${step.winner} was selected`;
  return (
    <details open={isOpen} onToggle={({ currentTarget: { open } }) => open !== isOpen && choose(open)}>
      <summary>
        <strong>Step {step.step}</strong> <span class="quiet">{result}</span>
      </summary>
      {isOpen ? <ReportMarkup markup={stepTable(subject, step, childrenOf(subject, step), prefix, link)} /> : null}
    </details>
  );
}

/** The events in words, and the output of the process where the dashboard started it. */
function Log({ run }: { readonly run: LiveRun }) {
  const box = useRef<HTMLPreElement>(null);
  const { value: process } = useLoaded(() => runLog(run.facts.id), [run.condition]);
  useEffect(() => {
    const pre = box.current;
    // Follows the end, unless the reader has scrolled up.
    if (pre !== null && pre.scrollHeight - pre.scrollTop - pre.clientHeight < 80) pre.scrollTop = pre.scrollHeight;
  }, [run.log.length]);
  return (
    <section aria-labelledby="log-title">
      <h2 id="log-title">Log</h2>
      {run.view.messages.length === 0 ? null : (
        <ul class="bad">
          {run.view.messages.map((message, index) => (
            <li key={index}>{withShownName(run.facts.config, message)}</li>
          ))}
        </ul>
      )}
      <pre class="log" ref={box} tabIndex={0} aria-label="Events in words">
        {run.log.slice(-400).join('\n')}
      </pre>
      {process === null || process.trim() === '' ? null : (
        <details>
          <summary>Output of the process</summary>
          <pre class="log" tabIndex={0} aria-label="Output of the process">
            {process}
          </pre>
        </details>
      )}
    </section>
  );
}

function Figures({ subject, id }: { readonly subject: RunDetails; readonly id: string }) {
  const figures = useMemo(
    () => ({
      tree: treeFigure(subject),
      validation: validationFigure(subject),
      small: [
        learningRateFigure(subject),
        sizeFigure(subject),
        frontFigure(subject),
        agreementFigure(subject),
        finalFigure(subject),
      ],
    }),
    [subject],
  );
  const link = (candidate: string): string => addressOf({ page: 'network', run: id, candidate });
  return (
    <>
      <section aria-labelledby="family-title">
        <h2 id="family-title">Family tree</h2>
        <ReportFigure figure={figures.tree} prefix={prefix} />
        {subject.state.search.steps.toReversed().map((step, index) => (
          <StepDetails key={step.step} subject={subject} step={step} isLatest={index === 0} link={link} />
        ))}
      </section>
      <section aria-labelledby="curves-title">
        <h2 id="curves-title">Curves</h2>
        <ReportFigure figure={figures.validation} prefix={prefix} />
        <LossCurves subject={subject} />
        <div class="figures">
          {figures.small.map((figure, index) => (
            <ReportFigure key={index} figure={figure} prefix={prefix} />
          ))}
        </div>
      </section>
      <Operators subject={subject} />
    </>
  );
}

function Body({ run, id }: { readonly run: LiveRun; readonly id: string }) {
  // The state of the replay changes with events, not with progress.
  const subject = useMemo(() => subjectOfRun(run), [run.view.run, run.condition]);
  return (
    <>
      <RunHead run={run} subject={subject} />
      {run.condition === 'finished' ? null : <RunProgress run={run} />}
      {subject.grown === null ? null : <Figures subject={subject} id={id} />}
      <Log run={run} />
      <ReportMarkup markup={useMemo(() => settingsSection(subject, prefix), [subject])} />
      <ReportMarkup markup={useMemo(() => factsSection(subject, prefix), [subject])} />
    </>
  );
}

export function RunPage({ run: id }: { readonly run: string }) {
  useEffect(() => {
    document.title = `${id} · Instar`;
  }, [id]);
  return (
    <RunFrame run={id} title={id}>
      {(run) => <Body run={run} id={id} />}
    </RunFrame>
  );
}
