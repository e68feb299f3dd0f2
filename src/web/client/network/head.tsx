/** The head of a network's page: its origin, accuracy, size, end, and file. */
import { shownName, startPhrase } from '../../../run/display/names.ts';
import { describeEdit, toleranceOf } from '../../../morphism/operators.ts';
import { childrenOf, lastAccuracy, type RunDetails } from '../../../report/run-details.ts';
import { networkOf, type Candidate } from '../../../search/state.ts';
import { compositionOf } from '../../../study/composition.ts';
import { formatPercent, formatWhole, plural } from '../../../util/words.ts';
import { Link, ModelLink, NetworkLink, Pairs } from '../parts.tsx';

/** Of networks that are not children. */
const roles: Readonly<Record<string, (subject: RunDetails) => string>> = {
  vanilla: ({ state, config }) => `The ${startPhrase(config, state.search)}, with which the search started.`,
  final: () => 'The final network: the winner of the search after the final training.',
  baseline: () => 'The baseline: the start network, trained for as many epochs as the winner’s lineage.',
};

function endWords(subject: RunDetails, { id, step: number }: Candidate): string {
  const role = roles[id];
  if (role !== undefined) return role(subject);
  const step = subject.state.search.steps[number - 1];
  const status = step === undefined ? undefined : childrenOf(subject, step).find(({ candidate }) => candidate.id === id)?.status;
  switch (status?.kind) {
    case undefined:
      return '';
    case 'won':
      return `Selected in step ${number}.`;
    case 'dropped':
      return `Dropped after rung ${status.rung + 1} of step ${number}.`;
    case 'lost':
      return `Lost: ${status.reason.split('\n')[0] ?? ''}.`;
    case 'undrawn':
      return `Not trained: the method trains one child, and this one was not sampled in step ${number}.`;
    case 'open':
      return `Step ${number} is in progress.`;
    case 'stopped':
      return `The search ended during step ${number}.`;
  }
}

interface HeadProps {
  readonly run: string;
  readonly subject: RunDetails;
  readonly candidate: Candidate;
  readonly isKept: boolean;
}

export function NetworkHead({ run, subject, candidate, isKept }: HeadProps) {
  const { search } = subject.state;
  const { id, parent, edits, epochs, parameters, multiplyAdds, certificate, checkpoint } = candidate;
  const accuracy = lastAccuracy(candidate);
  const tolerance = toleranceOf(edits);
  const test = search.tests.get(id)?.measured.accuracy ?? null;
  const children = [...search.candidates.values()].filter((each) => each.parent === id);
  return (
    <header class="net-head">
      <h1>
        <Link to={{ page: 'run', run }}>{subject.name}</Link> · {shownName(subject.config, id)}
      </h1>
      <p class="what">
        {endWords(subject, candidate)}
        {parent === null
          ? null
          : [' Parent: ', <NetworkLink key={parent} run={run} id={parent} name={shownName(subject.config, parent)} />, '.']}
        {children.length === 0 ? null : ' Children: '}
        {children.map(({ id: child }, at) => [at === 0 ? '' : ', ', <NetworkLink key={child} run={run} id={child} />])}
        {children.length === 0 ? null : '.'}
      </p>
      <div class="key">
        <Pairs
          pairs={[
            ['validation accuracy', accuracy === null ? '–' : formatPercent(accuracy)],
            ['test accuracy', test === null ? null : formatPercent(test)],
            ['parameters', formatWhole(parameters)],
            ['multiply-adds an image', formatWhole(multiplyAdds)],
            ['layers', formatWhole(compositionOf(networkOf(search, id)).layers)],
            ['epochs of its own', formatWhole(epochs.length)],
          ]}
        />
      </div>
      {edits.length === 0 ? null : (
        <>
          <p>{plural(edits.length, 'edit')} of its parent:</p>
          <ol class="edits">
            {edits.map((edit, at) => (
              <li key={at}>{describeEdit(edit)}</li>
            ))}
          </ol>
        </>
      )}
      {certificate === null ? null : (
        <p class="quiet">
          Certificate: logits within {certificate.evaluation.toExponential(1)} of the parent’s (at most {tolerance.evaluation}),
          training-mode loss changed by {(100 * certificate.training).toFixed(2)} % (at most{' '}
          {(100 * tolerance.training).toFixed(0)} %).
        </p>
      )}
      <p class="net-file">
        {isKept ? (
          <ModelLink run={run} candidate={id}>
            Download as ONNX
          </ModelLink>
        ) : (
          <>
            <button type="button" disabled aria-describedby="net-not-kept">
              Download as ONNX
            </button>{' '}
            <span id="net-not-kept" class="quiet">
              {checkpoint === null
                ? 'It has not been trained yet.'
                : 'Its checkpoint is not on disk any more: the run keeps those that the search still needs.'}
            </span>
          </>
        )}
      </p>
    </header>
  );
}
