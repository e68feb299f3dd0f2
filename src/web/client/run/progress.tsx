/** What a run does now: its phase, its candidates, its workers and the time left. */
import { firstPhrase, shownName, startPhrase } from '../../../run/display/names.ts';
import { methods } from '../../../search/methods/table.ts';
import { shortEdits } from '../../../morphism/operators.ts';
import { candidatesOf, progressOf, rungOf, rungWords, statusOf, statusWords, type Watched } from '../../../run/display/status.ts';
import { imagesPerSecond, phaseOf, settingsOf, unitOf, type Phase } from '../../../run/display/view.ts';
import { timeLeft } from '../../../run/display/time-left.ts';
import type { Rung } from '../../../search/methods/method.ts';
import { formatRungs, rungsFor } from '../../../search/rungs.ts';
import { accuraciesAfter, candidateOf, type Candidate } from '../../../search/state.ts';
import { formatDuration } from '../../../util/duration.ts';
import { formatBytes, formatCount, formatLoss, formatPercent, formatWhole, plural } from '../../../util/words.ts';
import { numbers, scrollingTable, texts } from '../../../report/sections/parts.ts';
import { NetworkLink, numeric, ReportMarkup, Scrolling, TableHead } from '../parts.tsx';
import type { LiveRun } from '../run-store.ts';

function phaseWords(watched: Watched, phase: Phase): string {
  const { view, config } = watched;
  const settings = settingsOf(view, config);
  switch (phase.kind) {
    case 'start':
      return config.budget === null ? 'Starting' : 'Timing this machine to plan the budget';
    case 'vanilla':
      return `Training the ${firstPhrase(config, view.run.search)}${methods[settings.method].tunes ? ', all else as it is' : `, ${plural(settings.vanilla.epochs, unitOf(settings))}`}`;
    case 'step': {
      const of = settings.limits.steps === null || view.run.budget !== null ? '' : ` of ${settings.limits.steps}`;
      const { step, winner } = phase.step;
      const rung = rungWords(watched, phase);
      return `Step ${step}${of}${winner !== null ? `: ${winner} is selected` : rung === '' ? '' : `, ${rung}`}`;
    }
    case 'final':
      return `Final training of ${shownName(config, view.run.search.stop?.line ?? '')}`;
    case 'baseline':
      return `Baseline: training the ${startPhrase(config, view.run.search)} for the same epochs`;
    case 'test':
      return 'Test evaluation';
    case 'verification':
      return 'Verification: best.onnx is run and compared with the engine';
    case 'done':
      return 'Done';
  }
}

interface TableProps {
  readonly run: LiveRun;
  readonly phase: Phase;
  readonly rungs: readonly Rung[];
  readonly watched: Watched;
}

type RowProps = Omit<TableProps, 'run'> & { readonly candidate: Candidate };

function statusText({ phase, watched, candidate }: RowProps): string {
  const { end, id } = candidate;
  if (end?.kind === 'lost') return `lost: ${end.reason.split('\n')[0] ?? ''}`;
  if (end?.kind === 'dropped') return `dropped after rung ${end.rung + 1}`;
  const status = statusOf(watched, phase, candidate);
  const words = status === 'running' ? `epoch ${progressOf(watched, phase, id).epoch}` : statusWords[status];
  // With a barrier between rungs, all candidates are in the same one.
  const rung = phase.kind === 'step' && phase.rung === null && status !== 'winner' ? rungOf(phase.step, id) : null;
  return rung === null ? words : `rung ${rung + 1}: ${words}`;
}

/** A bar per rung, filled as far as the candidate has trained in it, with the validation accuracy at its end. */
function RungBars({ rungs, candidate, phase, watched }: RowProps) {
  const accuracies = accuraciesAfter(rungs, candidate);
  const trained = candidate.epochs.at(-1)?.epoch ?? 0;
  const isRunning = statusOf(watched, phase, candidate) === 'running';
  const { share } = progressOf(watched, phase, candidate.id);
  let from = 0;
  return (
    <span class="rungs" aria-hidden="true">
      {rungs.map(({ epochs }, index) => {
        const isHere = isRunning && trained >= from && trained < from + epochs;
        const filled = Math.max(0, Math.min(1, (trained + (isHere ? share : 0) - from) / epochs));
        from += epochs;
        const accuracy = accuracies[index] ?? null;
        return (
          <span class="rung" style={{ flexGrow: epochs }} key={index}>
            <span class={`filled ${isHere ? 'moving' : ''}`} style={{ width: `${(100 * filled).toFixed(1)}%` }} />
            <span class="accuracy">{accuracy === null ? '' : (100 * accuracy).toFixed(1)}</span>
          </span>
        );
      })}
    </span>
  );
}

function EpochBar({ phase, watched, candidate }: RowProps) {
  if (statusOf(watched, phase, candidate) !== 'running') return candidate.epochs.length;
  const { epoch, share } = progressOf(watched, phase, candidate.id);
  return (
    <>
      <progress max={1} value={share} aria-label={`epoch of ${candidate.id}`} /> {epoch}
    </>
  );
}

/** The candidates that train now. */
function CandidateTable({ run, phase, rungs, watched }: TableProps) {
  const { search } = run.view.run;
  const candidates = candidatesOf(run, phase).map((id) => candidateOf(search, id));
  if (candidates.length === 0) return null;
  const isStep = phase.kind === 'step';
  return (
    <Scrolling label="Networks in training">
      <table class="candidates">
        <caption>
          {isStep
            ? `Children of ${shownName(run.facts.config, phase.step.parent)}: a bar per rung (${formatRungs(rungs)}, children × epochs), with the validation accuracy in % at its end`
            : 'In training'}
        </caption>
        <TableHead
          columns={[
            'network',
            ...['validation', 'loss'].map(numeric),
            isStep ? 'rungs' : 'epoch',
            'state',
            numeric('parameters'),
            ...(isStep ? ['operators'] : []),
          ]}
        />
        <tbody>
          {candidates.map((candidate) => {
            const { id, epochs, parameters, edits } = candidate;
            const accuracy = epochs.findLast(({ validation }) => validation !== null)?.validation?.accuracy ?? null;
            const loss = run.view.running.get(id)?.loss ?? epochs.at(-1)?.loss ?? null;
            const row = { rungs, phase, watched, candidate };
            return (
              <tr key={id} class={`status-${statusOf(watched, phase, candidate)}`}>
                <th scope="row">
                  <NetworkLink run={run.facts.id} id={id} name={shownName(run.facts.config, id)} />
                </th>
                <td class="number">{accuracy === null ? '–' : formatPercent(accuracy)}</td>
                <td class="number">{loss === null ? '–' : formatLoss(loss)}</td>
                <td class="where">{isStep ? <RungBars {...row} /> : <EpochBar {...row} />}</td>
                <td>{statusText(row)}</td>
                <td class="number">{formatCount(parameters)}</td>
                {isStep ? <td class="operators">{shortEdits(edits)}</td> : null}
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scrolling>
  );
}

function queueWords({ waiting, queued }: NonNullable<NonNullable<LiveRun['live']>['elsewhere']>): string {
  const own =
    waiting === 0
      ? 'No job of this run waits for a worker on the queue'
      : `${plural(waiting, 'job')} of this run ${waiting === 1 ? 'waits' : 'wait'} for a worker on the queue`;
  return queued === waiting ? `${own}.` : `${own}, with ${plural(queued - waiting, 'job')} of others.`;
}

function Workers({ run, phase, watched }: { readonly run: LiveRun; readonly phase: Phase; readonly watched: Watched }) {
  const running = [...run.view.running].filter(
    ([id]) => statusOf(watched, phase, candidateOf(run.view.run.search, id)) === 'running',
  );
  const queue = run.live?.elsewhere;
  if (running.length === 0 && queue === undefined) return null;
  const workers = new Map(queue?.workers.map((each) => [each.task, each] as const));
  const { batch } = settingsOf(run.view, run.facts.config);
  const threads = new Map(run.entries.flatMap((entry) => (entry.type === 'task' ? [[entry.task, entry.threads] as const] : [])));
  const rows = running.map(([id, { task, done, count }]) => {
    const [speed, memory] = [run.speeds.get(task), run.memory.get(id)];
    return [
      task,
      ...(queue === undefined ? [] : [workers.get(task)?.worker ?? 'waits', workers.get(task)?.engine]),
      threads.get(task),
      `${formatWhole(done)}${count === null ? '' : ` / ${formatWhole(count)}`}`,
      speed === undefined ? '' : formatWhole(Math.round(speed * batch)),
      memory === undefined ? '' : formatBytes(memory),
    ];
  });
  for (const worker of queue?.others ?? []) rows.push(['free, or on another run', worker, '', '', '', '', '']);
  const columns = [
    ...texts('task', ...(queue === undefined ? [] : ['worker', 'engine'])),
    ...numbers('threads', 'minibatches', 'images a second', 'memory'),
  ];
  const caption = 'Workers: the task, the speed and the peak memory of each';
  return (
    <>
      {queue === undefined ? null : <p>{queueWords(queue)}</p>}
      {(queue?.returned ?? []).map(({ task, worker, reason }) => (
        <p key={task}>
          {task} was given back by worker {worker}: {reason}
        </p>
      ))}
      {rows.length === 0 ? null : <ReportMarkup markup={scrollingTable('Workers', caption, columns, rows)} />}
    </>
  );
}

export function RunProgress({ run }: { readonly run: LiveRun }) {
  const { view, now, updated } = run;
  const { config } = run.facts;
  const watched: Watched = { view, config };
  const phase = phaseOf(view.run.search, view.running);
  // Of a run without a process nothing says that it goes on.
  const isRunning = run.condition === 'running';
  const left = isRunning ? timeLeft(view, config, now) : null;
  const speed = isRunning ? imagesPerSecond(view, config, now) : null;
  const words = speed === null ? [] : [`${formatWhole(Math.round(speed))} images a second`];
  if (left !== null) {
    const time = formatDuration(left.seconds);
    const end = new Date(updated + 1000 * left.seconds).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    words.push(`${left.kind === 'budget' ? `${time} of the budget` : `about ${time}`} left, until ${end}`);
  }
  return (
    <section aria-labelledby="now-title">
      <h2 id="now-title">Now</h2>
      <p class="phase" role="status">
        <strong>{phaseWords(watched, phase)}</strong>
        {words.map((each) => ` · ${each}`)}
      </p>
      <CandidateTable run={run} phase={phase} rungs={rungsFor(settingsOf(view, config))} watched={watched} />
      <Workers run={run} phase={phase} watched={watched} />
    </section>
  );
}
