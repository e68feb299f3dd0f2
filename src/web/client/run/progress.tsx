/** What a run does now: its phase, its candidates, its workers and the time left. */
import { rungWords, statusOf, type Watched } from '../../../run/display/status.ts';
import { imagesPerSecond, phaseOf, settingsOf, type Phase } from '../../../run/display/view.ts';
import { timeLeft } from '../../../run/display/time-left.ts';
import { rungsFor } from '../../../search/rungs.ts';
import { candidateOf, startWords } from '../../../search/state.ts';
import { formatDuration } from '../../../util/duration.ts';
import { formatBytes, formatWhole, plural } from '../../../util/words.ts';
import { numbers, scrollingTable, texts } from '../../../report/sections/parts.ts';
import { ReportMarkup } from '../parts.tsx';
import type { LiveRun } from '../run-store.ts';
import { CandidateTable } from './candidates.tsx';

function phaseWords(watched: Watched, phase: Phase): string {
  const { view, config } = watched;
  const settings = settingsOf(view, config);
  switch (phase.kind) {
    case 'start':
      return config.budget === null ? 'Starting' : 'Timing this machine to plan the budget';
    case 'vanilla':
      return `Training the ${startWords(view.run.search)}, ${plural(settings.vanilla.epochs, 'epoch')}`;
    case 'step': {
      const of = settings.limits.steps === null || view.run.budget !== null ? '' : ` of ${settings.limits.steps}`;
      const { step, winner } = phase.step;
      const rung = rungWords(watched, phase);
      return `Step ${step}${of}${winner !== null ? `: ${winner} is selected` : rung === '' ? '' : `, ${rung}`}`;
    }
    case 'final':
      return `Final training of ${view.run.search.stop?.line ?? ''}`;
    case 'baseline':
      return `Baseline: training the ${startWords(view.run.search)} for the same epochs`;
    case 'test':
      return 'Test evaluation';
    case 'done':
      return 'Done';
  }
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
      {rows.length === 0 ? null : <ReportMarkup markup={scrollingTable('Workers', caption, columns, rows)} />}
    </>
  );
}

export function RunProgress({ run }: { readonly run: LiveRun }) {
  const { view, now, updated } = run;
  const { config } = run.facts;
  const watched: Watched = { view, config };
  const phase = phaseOf(view.run.search, view.running);
  const left = timeLeft(view, config, now);
  const speed = imagesPerSecond(view, config, now);
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
