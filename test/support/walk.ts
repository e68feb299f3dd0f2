/** A search as decisions alone, to its end, where tasks report what a test says. */
import assert from 'node:assert/strict';
import { searchEventSchema, type SearchEvent } from '../../src/search/events.ts';
import { next, type Context, type Task, type TrainingTask } from '../../src/search/next.ts';
import { wholeFinal } from '../../src/search/simulation.ts';
import { emptyState, reduce, type SearchState } from '../../src/search/state.ts';
import { sha256 } from '../../src/util/hash.ts';

export interface Walk {
  readonly state: SearchState;
  readonly tasks: readonly TrainingTask[];
  readonly events: readonly SearchEvent[];
}

/** `right`: the share of the validation images that is right after a task. */
export function walk(right: (task: Task) => number, of: Context): Walk {
  let state = emptyState;
  const [tasks, events]: [TrainingTask[], SearchEvent[]] = [[], []];
  const record = (event: SearchEvent): void => {
    state = reduce(state, searchEventSchema.parse(JSON.parse(JSON.stringify(event))));
    events.push(event);
  };
  for (;;) {
    const decision = next(state, of);
    if (decision.kind === 'end') return { state, tasks, events };
    if (decision.kind === 'record') record(decision.event);
    else if (decision.kind === 'plan') record(wholeFinal(of, state));
    else {
      const [task] = decision.tasks;
      assert.ok(task !== undefined);
      if (task.kind === 'test') {
        record({ type: 'test', line: task.line, reading: 1, measured: { loss: 1, accuracy: 0.5 }, confusion: [[1]] });
        continue;
      }
      tasks.push(task);
      const { id, line, minibatches } = task;
      const validation = { loss: 1, accuracy: right(task) };
      record({ type: 'epoch', line, task: id, done: minibatches.count, epoch: 1, loss: 1, validation, checkpoint: sha256(id) });
    }
  }
}
