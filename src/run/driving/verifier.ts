/** Verifies the exported file of the best network beside the search, one file at a time, on a thread of its own. */
import type { Pool } from '../../execution/pool.ts';
import type { Cores } from '../../search/rungs.ts';
import type { Settings } from '../../search/settings.ts';
import type { CandidateId } from '../../search/state.ts';
import { exportProblem, type Verified } from '../../training/job.ts';
import type { Config } from '../record/config.ts';
import type { RunEvent } from '../record/events.ts';
import { toVerify, type Folder } from '../record/folder.ts';
import type { RunState } from '../record/replay.ts';
import { verificationJob, verifyIn } from './verification.ts';

export interface Verification {
  readonly kind: 'verified';
  readonly line: CandidateId;
  readonly checkpoint: string;
  readonly outcome: Verified | Error;
}

export interface Verifier {
  readonly isBusy: boolean;
  /** Begins to verify what is to be verified in this state, if anything is. `training`: candidates whose tensors still change. */
  begin(state: RunState, settings: Settings, training: ReadonlySet<CandidateId | null>): void;
  /** The event of a verification that ended. A file that could not be verified does not end the run. */
  end(verification: Verification): RunEvent;
  abort(): void;
}

export interface VerifierOptions {
  readonly folder: Folder;
  readonly config: Config;
  readonly pool: Pool;
  readonly cores: Cores;
  tell(verification: Verification): void;
}

export function createVerifier({ folder, config, pool, cores, tell }: VerifierOptions): Verifier {
  let running: AbortController | null = null;
  return {
    get isBusy() {
      return running !== null;
    },
    begin(state, settings, training) {
      if (running !== null) return;
      const wanted = toVerify(state, training);
      if (wanted === null) return;
      const { line, part } = wanted;
      const threads = part === 'test' && !settings.baseline ? cores.threads : 1;
      const job = verificationJob(folder, config, settings, state.search, { ...wanted, threads });
      const abort = new AbortController();
      running = abort;
      const ended = (outcome: Verified | Error): void => {
        if (!abort.signal.aborted) tell({ kind: 'verified', line, checkpoint: job.checkpoint, outcome });
      };
      verifyIn(pool, job, abort.signal).then(ended, ended);
    },
    end({ line, checkpoint, outcome }) {
      running = null;
      const failed = outcome instanceof Error;
      const problem = failed ? (outcome.message.split('\n')[0] ?? '') : exportProblem(outcome);
      return { type: 'exported', line, checkpoint, verified: failed ? null : outcome, problem };
    },
    abort() {
      running?.abort(new Error('left'));
      running = null;
    },
  };
}
