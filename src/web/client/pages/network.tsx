/** A network of a run: its origin, its graph and layers, and its predictions, computed in this browser. */
import '../network/network.css';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { givenReading } from '../../../data/reading.ts';
import { multiplyAddsByNode, parametersByNode } from '../../../network/cost.ts';
import { layerGroupsOf, describeGroup } from '../../../network/fold.ts';
import { consumersOf, type Network, type NodeId } from '../../../network/network.ts';
import { describeLayer } from '../../../network/print.ts';
import { formatShape, shapesOf } from '../../../network/shapes.ts';
import { compareNetworks, describeChanges, summaryOf, type Difference } from '../../../report/compare.ts';
import { layerTable } from '../../../report/sections/architecture.ts';
import { lastAccuracy, type RunDetails } from '../../../report/run-details.ts';
import { networkOf, type Candidate } from '../../../search/state.ts';
import { formatWhole } from '../../../util/words.ts';
import { Confusion } from '../network/confusion.tsx';
import { NetworkGraph } from '../network/graph.tsx';
import { NetworkHead } from '../network/head.tsx';
import { openSession } from '../network/session.ts';
import { TryIt } from '../network/try-it.tsx';
import { Link, Pairs, ReportMarkup, RunFrame, Scrolling } from '../parts.tsx';
import { subjectOfRun, type LiveRun } from '../run-store.ts';

interface NetworkProps {
  readonly run: string;
  readonly subject: RunDetails;
  readonly candidate: Candidate;
  readonly isKept: boolean;
}

interface BlockProps {
  readonly network: Network;
  readonly difference: Difference | null;
  /** Any layer of the block. */
  readonly id: NodeId;
  readonly onSelect: (id: NodeId) => void;
}

/** The layers of the selected block. */
function BlockDetails({ network, difference, id, onSelect }: BlockProps) {
  const block = layerGroupsOf(network).find(({ nodes }) => nodes.some((node) => node.id === id));
  if (block === undefined) return null;
  const [shapes, readers] = [shapesOf(network), consumersOf(network)];
  const [parameters, multiplyAdds] = [parametersByNode(network), multiplyAddsByNode(network)];
  const links = (ids: readonly NodeId[]) =>
    ids.map((other) => (
      <button type="button" class="net-link" key={other} onClick={() => onSelect(other)} aria-label={`Layer ${other}`}>
        {other}
      </button>
    ));
  return (
    <section class="net-chosen" aria-live="polite">
      <h3>{describeGroup(block)}</h3>
      <Pairs
        pairs={block.nodes.map((node) => {
          const shape = shapes.get(node.id);
          const changes = difference?.changes.get(node.id) ?? [];
          const consumers = [...new Set((readers.get(node.id) ?? []).map((reader) => reader.id))];
          return [
            `${node.id} ${describeLayer(node.layer)}`,
            <>
              output {shape === undefined ? 'none' : formatShape(shape)}; {formatWhole(parameters.get(node.id) ?? 0)} parameters,{' '}
              {formatWhole(multiplyAdds.get(node.id) ?? 0)} multiply-adds
              {node.inputs.length === 0 ? '' : '; inputs '}
              {links(node.inputs)}
              {consumers.length === 0 ? '' : '; used by '}
              {links(consumers)}
              {changes.length === 0 ? null : (
                <>
                  {' '}
                  <span class={changes[0]?.kind === 'added' ? 'key-added' : 'key-altered'}>{describeChanges(changes)}</span>
                </>
              )}
            </>,
          ];
        })}
      />
    </section>
  );
}

function Structure({ subject, candidate }: Pick<NetworkProps, 'subject' | 'candidate'>) {
  const [selected, select] = useState<NodeId | null>(null);
  const { search } = subject.state;
  const { id, edits } = candidate;
  const parent = edits.length === 0 ? null : candidate.parent;
  const network = networkOf(search, id);
  const before = parent === null ? null : networkOf(search, parent);
  const difference = useMemo(() => (before === null ? null : compareNetworks(before, network)), [before, network]);
  const table = useMemo(() => layerTable(network, 'net', difference ?? undefined), [network, difference]);
  return (
    <section aria-labelledby="net-graph-title">
      <h2 id="net-graph-title">The network</h2>
      {difference === null || parent === null ? null : (
        <p>
          Changes from {parent}: {summaryOf(difference)}.
          {difference.removed.length === 0 ? '' : ` Removed: ${difference.removed.map((node) => node.id).join(', ')}.`}
        </p>
      )}
      <NetworkGraph name={id} network={network} difference={difference} parent={parent} selected={selected} onSelect={select} />
      {selected === null ? (
        <p class="quiet">Select a box to see its layers.</p>
      ) : (
        <BlockDetails network={network} difference={difference} id={selected} onSelect={select} />
      )}
      <details>
        <summary>All layers as a table</summary>
        <Scrolling label="Layers">
          <ReportMarkup markup={table} />
        </Scrolling>
      </details>
    </section>
  );
}

/** `candidate`: with the checkpoint and the accuracy that it had when this was opened. */
function Inference({ run, subject, candidate }: Omit<NetworkProps, 'isKept'>) {
  const { id } = candidate;
  const session = useMemo(() => openSession(run, id), [run, id]);
  useEffect(() => () => session.close(), [session]);
  const { classes, shape, reading } = subject.config.data;
  const { background, fit } = givenReading(reading);
  const { tests, segments, finished } = subject.state.search;
  const hasSeenValidation = (id === 'final' || id === 'baseline') && segments[id].some(({ whole }) => whole);
  return (
    <>
      <TryIt session={session} shape={shape} classes={classes} background={background} fit={fit} />
      <section aria-labelledby="net-answers-title">
        <h2 id="net-answers-title">Accuracy and mistakes</h2>
        <h3>Validation images</h3>
        {hasSeenValidation ? (
          <p>This network was also trained on the validation images, so this accuracy is not an estimate for new images.</p>
        ) : null}
        <Confusion session={session} part="validation" classes={classes} journal={lastAccuracy(candidate)} />
        {finished ? (
          <>
            <h3>Test images</h3>
            <p>
              The run has made its own test evaluation. Do not choose between networks by the test images: the accuracy of the
              chosen one would then be too optimistic.
            </p>
            <Confusion session={session} part="test" classes={classes} journal={tests.get(id)?.measured.accuracy ?? null} />
          </>
        ) : null}
      </section>
    </>
  );
}

function NetworkBody({ run, subject, candidate, isKept }: NetworkProps) {
  const [opened, setOpened] = useState(candidate);
  const isNewer = opened.checkpoint !== candidate.checkpoint;
  const isFirst = opened.checkpoint === null && candidate.checkpoint !== null;
  useEffect(() => {
    if (isFirst) setOpened(candidate);
  }, [isFirst, candidate]);
  return (
    <>
      <NetworkHead run={run} subject={subject} candidate={candidate} isKept={isKept} />
      <Structure subject={subject} candidate={candidate} />
      {isKept ? (
        <>
          {isNewer && !isFirst ? (
            <p role="status">
              This network has a newer checkpoint.{' '}
              <button type="button" onClick={() => setOpened(candidate)}>
                Use the newest checkpoint
              </button>
            </p>
          ) : null}
          <Inference key={opened.checkpoint} run={run} subject={subject} candidate={opened} />
        </>
      ) : (
        <p class="quiet">It cannot be tried: its checkpoint is not on disk.</p>
      )}
    </>
  );
}

function Body({ run, id, followed }: { readonly run: string; readonly id: string; readonly followed: LiveRun }) {
  const subject = useMemo(() => subjectOfRun(followed), [followed]);
  const candidate = subject.state.search.candidates.get(id);
  if (candidate !== undefined)
    return <NetworkBody run={run} subject={subject} candidate={candidate} isKept={followed.kept.has(id)} />;
  return (
    <>
      <h1>There is no such network</h1>
      <p>
        <Link to={{ page: 'run', run }}>{subject.name}</Link> has no network named {id}.
      </p>
    </>
  );
}

export function NetworkPage({ run, candidate }: { readonly run: string; readonly candidate: string }) {
  return (
    <RunFrame run={run} title={candidate}>
      {(followed) => <Body run={run} id={candidate} followed={followed} />}
    </RunFrame>
  );
}
