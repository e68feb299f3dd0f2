/** The family of a run: the tree, the children of each step, and what became of the operators. */
import { useMemo, useState } from 'preact/hooks';
import { treeFigure } from '../../../report/figures/tree.ts';
import { childrenOf, type RunDetails } from '../../../report/run-details.ts';
import { stepTable } from '../../../report/sections/family.ts';
import type { Step } from '../../../search/state.ts';
import { ReportFigure, ReportMarkup } from '../parts.tsx';
import { addressOf } from '../route.ts';
import { Operators } from './operators.tsx';

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

export function FamilyTab({ subject, id }: { readonly subject: RunDetails; readonly id: string }) {
  const tree = useMemo(() => treeFigure(subject), [subject]);
  const { steps } = subject.state.search;
  if (steps.length === 0)
    return (
      <p class="empty">There is no family yet: the first step, with its children, follows the training of the start network.</p>
    );
  const link = (candidate: string): string => addressOf({ page: 'network', run: id, candidate });
  return (
    <>
      <ReportFigure figure={tree} prefix={prefix} />
      {steps.toReversed().map((step, index) => (
        <StepDetails key={step.step} subject={subject} step={step} isLatest={index === 0} link={link} />
      ))}
      <Operators subject={subject} />
    </>
  );
}
