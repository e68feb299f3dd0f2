/** What a run does just now: its phase, the networks that race, the workers, how long it takes. */
import { shortEdits } from '../../../morphism/short.ts';
import { linesOf, progressOf, statusOf, statusWords, type Watched } from '../../../run/display/status.ts';
import { imagesPerSecond, phaseOf, settingsOf, type Phase } from '../../../run/display/view.ts';
import { timeLeft } from '../../../run/display/time-left.ts';
import { rungsFor } from '../../../search/rungs.ts';
import type { Rung } from '../../../search/methods/method.ts';
import { accuraciesAfter, candidateOf, startWords, type Candidate } from '../../../search/state.ts';
import { formatDuration } from '../../../util/duration.ts';
import { formatBytes, formatCount, formatLoss, formatPercent, formatWhole, plural } from '../../../util/words.ts';
import { scrolling, table } from '../../../report/sections/parts.ts';
import { Drawn } from '../drawn.tsx';
import { Link } from '../parts.tsx';
import type { LiveRun } from '../run-store.ts';

function phaseWords(run: LiveRun, phase: Phase, rungs: readonly Rung[]): string {
  const { view, facts } = run;
  const settings = settingsOf(view, facts.config);
  switch (phase.kind) {
    case 'start':
      return facts.config.budget === null ? 'Starting' : 'Measuring what the budget buys on this machine';
    case 'vanilla':
      return `Training the ${startWords(view.run.search)}, ${plural(settings.vanilla.epochs, 'epoch')}`;
    case 'step': {
      const of = settings.limits.steps === null || view.run.budget !== null ? '' : ` of ${settings.limits.steps}`;
      const rung = Math.min(rungs.length, phase.rung + 1);
      return phase.step.winner === null
        ? `Step ${phase.step.step}${of}, rung ${rung} of ${rungs.length}`
        : `Step ${phase.step.step}${of}: ${phase.step.winner} has won`;
    }
    case 'final':
      return `Final training of ${view.run.search.stop?.line ?? ''}`;
    case 'baseline':
      return `Baseline: the ${startWords(view.run.search)}, given the same epochs`;
    case 'test':
      return 'Reading the test set';
    case 'done':
      return 'Done';
  }
}

/** Why a line is where it is, in words. */
function fateWords(line: Candidate, status: string): string {
  if (line.end?.kind === 'lost') return `lost: ${line.end.reason.split('\n')[0] ?? ''}`;
  if (line.end?.kind === 'dropped') return `dropped after rung ${line.end.rung + 1}`;
  return status;
}

/** Rungs as a child has run them: full, in part, or not. */
function Lane({
  rungs,
  line,
  phase,
  watched,
}: {
  readonly rungs: readonly Rung[];
  readonly line: Candidate;
  readonly phase: Phase & { kind: 'step' };
  readonly watched: Watched;
}) {
  const accuracies = accuraciesAfter(rungs, line);
  const trained = line.epochs.at(-1)?.epoch ?? 0;
  const running = progressOf(watched, phase, line.id);
  const isRunning = statusOf(watched, phase, line) === 'running';
  let from = 0;
  const most = rungs.reduce((sum, { epochs }) => sum + epochs, 0);
  return (
    <span class="lane" aria-hidden="true">
      {rungs.map(({ epochs }, index) => {
        const isHere = isRunning && trained >= from && trained < from + epochs;
        const begun = Math.max(0, Math.min(1, (trained + (isHere ? running.share : 0) - from) / epochs));
        from += epochs;
        const accuracy = accuracies[index] ?? null;
        return (
          <span class="leg" style={{ flexGrow: epochs / most }} key={index}>
            <span class={`run-so-far ${isHere ? 'moving' : ''}`} style={{ width: `${(100 * begun).toFixed(1)}%` }} />
            <span class="reached">{accuracy === null ? '' : (100 * accuracy).toFixed(1)}</span>
          </span>
        );
      })}
    </span>
  );
}

function Race({
  run,
  phase,
  rungs,
  watched,
}: {
  readonly run: LiveRun;
  readonly phase: Phase;
  readonly rungs: readonly Rung[];
  readonly watched: Watched;
}) {
  const { search } = run.view.run;
  const lines = linesOf(run, phase).map((id) => candidateOf(search, id));
  if (lines.length === 0) return null;
  return (
    <div class="scroll" role="region" tabIndex={0} aria-label="Networks in training">
      <table class="race">
        <caption>
          {phase.kind === 'step'
            ? `Children of ${phase.step.parent}: a field a rung (${rungs.map(({ size, epochs }) => `${size}×${epochs}`).join(' ')}, children × epochs), in it the validation accuracy in % at its end`
            : 'In training'}
        </caption>
        <thead>
          <tr>
            <th scope="col">network</th>
            <th scope="col" class="number">
              validation
            </th>
            <th scope="col" class="number">
              loss
            </th>
            <th scope="col">{phase.kind === 'step' ? 'rungs' : 'epoch'}</th>
            <th scope="col">state</th>
            <th scope="col" class="number">
              parameters
            </th>
            {phase.kind === 'step' ? <th scope="col">operators</th> : null}
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => {
            const status = statusOf(watched, phase, line);
            const { epoch, share } = progressOf(watched, phase, line.id);
            const accuracy = line.epochs.findLast(({ validation }) => validation !== null)?.validation?.accuracy ?? null;
            const loss = run.view.running.get(line.id)?.loss ?? line.epochs.at(-1)?.loss ?? null;
            return (
              <tr key={line.id} class={`status-${status}`}>
                <th scope="row">
                  <Link to={{ page: 'network', run: run.facts.id, line: line.id }}>{line.id}</Link>
                </th>
                <td class="number">{accuracy === null ? '–' : formatPercent(accuracy)}</td>
                <td class="number">{loss === null ? '–' : formatLoss(loss)}</td>
                <td class="where">
                  {phase.kind === 'step' ? (
                    <Lane rungs={rungs} line={line} phase={phase} watched={watched} />
                  ) : status === 'running' ? (
                    <>
                      <progress max={1} value={share} aria-label={`epoch of ${line.id}`} /> {epoch}
                    </>
                  ) : (
                    line.epochs.length
                  )}
                </td>
                <td>{fateWords(line, status === 'running' ? `epoch ${epoch}` : statusWords[status])}</td>
                <td class="number">{formatCount(line.parameters)}</td>
                {phase.kind === 'step' ? <td class="operators">{shortEdits(line.edits)}</td> : null}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Workers({ run, phase, watched }: { readonly run: LiveRun; readonly phase: Phase; readonly watched: Watched }) {
  // Nothing says that a task has ended: its last epoch does.
  const running = [...run.view.running].filter(
    ([id]) => statusOf(watched, phase, candidateOf(run.view.run.search, id)) === 'running',
  );
  const { elsewhere } = run;
  if (running.length === 0 && elsewhere === undefined) return null;
  const on = new Map(elsewhere?.workers.map((each) => [each.task, each] as const));
  const { batch } = settingsOf(run.view, run.facts.config);
  const threads = new Map(run.entries.flatMap((entry) => (entry.type === 'task' ? [[entry.task, entry.threads] as const] : [])));
  const rows = running.map(([line, { task, done, count }]) => [
    task,
    ...(elsewhere === undefined ? [] : [on.get(task)?.worker ?? 'waits', on.get(task)?.engine]),
    threads.get(task),
    `${formatWhole(done)}${count === null ? '' : ` / ${formatWhole(count)}`}`,
    run.speeds.has(task) ? formatWhole(Math.round((run.speeds.get(task) ?? 0) * batch)) : '',
    run.memory.has(line) ? formatBytes(run.memory.get(line) ?? 0) : '',
  ]);
  for (const worker of elsewhere?.others ?? []) rows.push(['free, or on another run', worker, '', '', '', '', '']);
  const columns = [
    { title: 'task' },
    ...(elsewhere === undefined ? [] : [{ title: 'worker' }, { title: 'engine' }]),
    { title: 'threads', numeric: true },
    { title: 'minibatches', numeric: true },
    { title: 'images a second', numeric: true },
    { title: 'memory', numeric: true },
  ];
  const caption = 'Workers: what each does, how fast, and the most memory that it has had';
  return (
    <>
      {elsewhere === undefined ? null : (
        <p class="waiting">
          {elsewhere.waiting === 0
            ? 'No job of this run waits for a worker on the queue'
            : `${plural(elsewhere.waiting, 'job')} of this run ${elsewhere.waiting === 1 ? 'waits' : 'wait'} for a worker on the queue`}
          {elsewhere.queued === elsewhere.waiting
            ? '.'
            : `, with ${plural(elsewhere.queued - elsewhere.waiting, 'job')} of others.`}
        </p>
      )}
      {rows.length === 0 ? null : <Drawn markup={scrolling('Workers', table(caption, columns, rows))} />}
    </>
  );
}

export function Now({ run }: { readonly run: LiveRun }) {
  const { view, now } = run;
  const { config } = run.facts;
  const phase = phaseOf(view.run.search, view.running);
  const rungs = rungsFor(settingsOf(view, config));
  const left = timeLeft(view, config, now);
  const speed = imagesPerSecond(view, config, now);
  const end = left === null ? null : new Date(run.heard + 1000 * left.seconds);
  const watched: Watched = { view, config };
  return (
    <section aria-labelledby="now-title">
      <h2 id="now-title">Now</h2>
      <p class="phase" role="status">
        <strong>{phaseWords(run, phase, rungs)}</strong>
        {speed === null ? null : ` · ${formatWhole(Math.round(speed))} images a second`}
        {left === null
          ? null
          : left.kind === 'budget'
            ? ` · ${formatDuration(left.seconds)} of the budget left`
            : ` · about ${formatDuration(left.seconds)} left`}
        {end === null ? null : `, until ${end.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}`}
      </p>
      <Race run={run} phase={phase} rungs={rungs} watched={watched} />
      <Workers run={run} phase={phase} watched={watched} />
    </section>
  );
}
