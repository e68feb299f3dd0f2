/** One network of a run: what it is, its graph and layers, and what it says of images, computed in this browser. */
import '../network/network.css';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { compareNetworks, summaryOf } from '../../../report/compare.ts';
import { layerTable } from '../../../report/sections/architecture.ts';
import { lastAccuracy, type RunDetails } from '../../../report/run-details.ts';
import { networkOf, type Candidate } from '../../../search/state.ts';
import type { NodeId } from '../../../network/network.ts';
import { Confusion } from '../network/confusion.tsx';
import { NetworkGraph } from '../network/graph.tsx';
import { NetworkHead } from '../network/head.tsx';
import { ChosenBlock } from '../network/layers.tsx';
import { openSession } from '../network/session.ts';
import { TryIt } from '../network/try-it.tsx';
import { Drawn } from '../drawn.tsx';
import { Link, useRun } from '../parts.tsx';
import { subjectOfRun } from '../run-store.ts';

interface NetworkProps {
  readonly run: string;
  readonly subject: RunDetails;
  readonly line: Candidate;
  readonly isKept: boolean;
}

/** Its structure never changes while the page is there; its numbers do, epoch after epoch. */
function Structure({ subject, line }: Pick<NetworkProps, 'subject' | 'line'>) {
  const [chosen, setChosen] = useState<NodeId | null>(null);
  const parent =
    line.edits.length === 0 || line.parent === null ? null : (subject.state.search.candidates.get(line.parent) ?? null);
  const { search } = subject.state;
  const network = networkOf(search, line.id);
  const before = parent === null ? null : networkOf(search, parent.id);
  const difference = useMemo(() => (before === null ? null : compareNetworks(before, network)), [before, network]);
  const table = useMemo(() => layerTable(network, 'net', difference ?? undefined), [network, difference]);
  return (
    <section aria-labelledby="net-graph-title">
      <h2 id="net-graph-title">The network</h2>
      {difference === null || parent === null ? null : (
        <p>
          Since {parent.id}: {summaryOf(difference)}.
          {difference.removed.length === 0 ? '' : ` Removed: ${difference.removed.map(({ id }) => id).join(', ')}.`}
        </p>
      )}
      <NetworkGraph
        name={line.id}
        network={network}
        difference={difference}
        parent={parent?.id ?? null}
        selected={chosen}
        onSelect={setChosen}
      />
      {chosen === null ? (
        <p class="quiet">Choose a box to see its layers.</p>
      ) : (
        <ChosenBlock network={network} difference={difference} id={chosen} onSelect={setChosen} />
      )}
      <details>
        <summary>Every layer as a table</summary>
        <div class="scroll" role="region" tabindex={0} aria-label="Layers">
          <Drawn markup={table} />
        </div>
      </details>
    </section>
  );
}

/** As it was when this was opened: `line` holds its accuracy then. */
function Computed({ run, subject, line }: Omit<NetworkProps, 'isKept'>) {
  const session = useMemo(() => openSession(run, line.id), [run, line.id]);
  useEffect(() => () => session.close(), [session]);
  const { classes, shape } = subject.config.data;
  const { tests, segments } = subject.state.search;
  const test = tests.get(line.id)?.measured.accuracy ?? null;
  const trainedOn = (line.id === 'final' || line.id === 'baseline') && segments[line.id].some(({ whole }) => whole);
  return (
    <>
      <TryIt session={session} shape={shape} classes={classes} />
      <section aria-labelledby="net-answers-title">
        <h2 id="net-answers-title">Right and wrong</h2>
        <h3>Validation images</h3>
        {trainedOn ? (
          <p>
            This training took them in too, so they say what could not be learned, or is labelled wrongly; not how right the
            network is on new ones.
          </p>
        ) : null}
        <Confusion session={session} part="validation" classes={classes} journal={lastAccuracy(line)} />
        {subject.state.search.finished ? (
          <>
            <h3>Test images</h3>
            <p>
              The journal’s own reading of the test set stands for itself. To look at the test images in order to choose between
              networks spends them: what they then say of the one that was chosen is too good.
            </p>
            <Confusion session={session} part="test" classes={classes} journal={test} />
          </>
        ) : null}
      </section>
    </>
  );
}

function Network({ run, subject, line, isKept }: NetworkProps) {
  const [opened, setOpened] = useState(line);
  const isNewer = opened.checkpoint !== line.checkpoint;
  const isFirst = opened.checkpoint === null && line.checkpoint !== null;
  useEffect(() => {
    if (isFirst) setOpened(line);
  }, [isFirst, line]);
  return (
    <main id="main">
      <NetworkHead run={run} subject={subject} line={line} isKept={isKept} />
      <Structure subject={subject} line={line} />
      {isKept ? (
        <>
          {isNewer && !isFirst ? (
            <p role="status">
              It was trained on since.{' '}
              <button type="button" onClick={() => setOpened(line)}>
                Take its newest numbers
              </button>
            </p>
          ) : null}
          <Computed key={opened.checkpoint} run={run} subject={subject} line={opened} />
        </>
      ) : (
        <p class="quiet">It cannot be tried: its numbers are not on disk.</p>
      )}
    </main>
  );
}

export function NetworkPage({ run, line: id }: { readonly run: string; readonly line: string }) {
  const status = useRun(run).value;
  const subject = useMemo(() => (status.kind === 'run' ? subjectOfRun(status.run) : null), [status]);
  if (status.kind === 'failed')
    return (
      <main id="main">
        <h1>This run cannot be shown</h1>
        <p role="alert">{status.message}</p>
      </main>
    );
  if (status.kind === 'loading' || subject === null || subject.entries.length === 0)
    return (
      <main id="main">
        <h1>{id}</h1>
        <p role="status">Loading …</p>
      </main>
    );
  const line = subject.state.search.candidates.get(id);
  if (line === undefined)
    return (
      <main id="main">
        <h1>There is no such network</h1>
        <p>
          <Link to={{ page: 'run', run }}>{subject.name}</Link> has none of the name {id}.
        </p>
      </main>
    );
  return (
    <>
      {status.problem === null ? null : (
        <p class="bad" role="alert">
          {status.problem}
        </p>
      )}
      <Network run={run} subject={subject} line={line} isKept={status.run.kept.has(id)} />
    </>
  );
}
