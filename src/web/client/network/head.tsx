/** What a network is: where it comes from, how right and how large it is, what became of it, and its file. */
import { describeEdit } from '../../../morphism/operators.ts';
import { childrenOf, lastAccuracy, type RunDetails } from '../../../report/run-details.ts';
import { startWords, type Candidate, networkOf } from '../../../search/state.ts';
import { tolerance } from '../../../training/job.ts';
import { compositionOf } from '../../../study/composition.ts';
import { formatPercent, formatWhole, plural } from '../../../util/words.ts';
import { modelAddress } from '../api.ts';
import { Link } from '../parts.tsx';

/** `final` and `baseline` are no children, and the first network is none either. */
const roles: Readonly<Record<string, (subject: RunDetails) => string>> = {
  vanilla: ({ state }) => `The ${startWords(state.search)}: what the search started from.`,
  final: () => 'What the search came to, trained to its end.',
  baseline: () => 'The network that the search started from, trained as long: to compare with.',
};

function fateWords(subject: RunDetails, line: Candidate): string {
  const role = roles[line.id];
  if (role !== undefined) return role(subject);
  const step = subject.state.search.steps.find((each) => each.children.includes(line.id));
  const child = step === undefined ? undefined : childrenOf(subject, step).find(({ candidate }) => candidate.id === line.id);
  if (child === undefined) return '';
  const { status } = child;
  switch (status.kind) {
    case 'won':
      return `It won step ${line.step}.`;
    case 'dropped':
      return `It was dropped after rung ${status.rung + 1} of step ${line.step}.`;
    case 'lost':
      return `It was lost: ${status.reason.split('\n')[0] ?? ''}.`;
    case 'undrawn':
      return `It was not drawn in step ${line.step}, and so not trained.`;
    case 'open':
      return `Step ${line.step} goes on: it is in training, or will be.`;
    case 'stopped':
      return `Step ${line.step} was cut short by the end of the search.`;
  }
}

export interface HeadProps {
  readonly run: string;
  readonly subject: RunDetails;
  readonly line: Candidate;
  readonly isKept: boolean;
}

export function NetworkHead({ run, subject, line, isKept }: HeadProps) {
  const { search } = subject.state;
  const accuracy = lastAccuracy(line);
  const test = search.tests.get(line.id)?.measured.accuracy ?? null;
  const children = [...search.candidates.values()].filter(({ parent }) => parent === line.id).map(({ id }) => id);
  const { certificate } = line;
  const to = (id: string) => (
    <Link key={id} to={{ page: 'network', run, line: id }}>
      {id}
    </Link>
  );
  return (
    <header class="net-head">
      <h1>
        <Link to={{ page: 'run', run }}>{subject.name}</Link> · {line.id}
      </h1>
      <p class="what">
        {fateWords(subject, line)}
        {line.parent === null ? null : <> Its parent: {to(line.parent)}.</>}
        {children.length === 0 ? null : <> Made of it: {children.map((id, at) => [at === 0 ? '' : ', ', to(id)])}.</>}
      </p>
      <div class="key">
        <dl class="pairs">
          <div>
            <dt>validation accuracy</dt>
            <dd>{accuracy === null ? '–' : formatPercent(accuracy)}</dd>
          </div>
          {test === null ? null : (
            <div>
              <dt>test accuracy</dt>
              <dd>{formatPercent(test)}</dd>
            </div>
          )}
          <div>
            <dt>parameters</dt>
            <dd>{formatWhole(line.parameters)}</dd>
          </div>
          <div>
            <dt>multiply-adds an image</dt>
            <dd>{formatWhole(line.multiplyAdds)}</dd>
          </div>
          <div>
            <dt>layers</dt>
            <dd>{formatWhole(compositionOf(networkOf(subject.state.search, line.id)).layers)}</dd>
          </div>
          <div>
            <dt>epochs of its own</dt>
            <dd>{formatWhole(line.epochs.length)}</dd>
          </div>
        </dl>
      </div>
      {line.edits.length === 0 ? null : (
        <>
          <p>{plural(line.edits.length, 'operator')} made it of its parent:</p>
          <ol class="edits">
            {line.edits.map((edit, at) => (
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
          <a class="button" href={modelAddress(run, line.id)} download>
            Download as ONNX
          </a>
        ) : (
          <>
            <button type="button" disabled aria-describedby="net-not-kept">
              Download as ONNX
            </button>{' '}
            <span id="net-not-kept" class="quiet">
              {line.checkpoint === null
                ? 'It was not trained yet, so it has no numbers of its own.'
                : 'Its numbers are not on disk any more: only those that the search still needs are kept.'}
            </span>
          </>
        )}
      </p>
    </header>
  );
}
