/** Verifies exported files by workers; beside a search that of the best network, one at a time, on a thread of its own. */
import type { Pool } from '../../execution/pool.ts';
import { coresOfRun } from '../../search/rungs.ts';
import { resultOf } from '../../search/ranking.ts';
import { evaluationWeightsOf, type Settings } from '../../search/settings.ts';
import { type CandidateId, networkOf } from '../../search/state.ts';
import {
  exportProblem,
  type QuantisationJob,
  type QuantisedExport,
  type Report,
  type VerificationJob,
  type Verified,
} from '../../training/job.ts';
import { must } from '../../util/assert.ts';
import { dataReference, engineOf, type Config } from '../record/config.ts';
import type { RunEvent } from '../record/events.ts';
import { aboutOf, toVerify, type Folder } from '../record/folder.ts';
import type { RunState } from '../record/replay.ts';

/** `settings`: as a budget scaled them. */
export function verificationJob(
  folder: Folder,
  config: Config,
  settings: Settings,
  { search, passes }: RunState,
  line: CandidateId,
  part: 'validation' | 'test',
  threads: number,
): VerificationJob {
  const { checkpoint } = resultOf(search, line);
  const inPasses = passes.get(line);
  const { images, validation, batch } = settings;
  return {
    kind: 'verification',
    id: `${line}/export`,
    network: networkOf(search, line),
    checkpoint: must(checkpoint, `checkpoint of ${line}`),
    about: aboutOf(folder, config, search, line),
    data: dataReference(config, images, validation),
    part,
    batch,
    ...(inPasses === undefined ? {} : { passes: inPasses }),
    engine: { ...engineOf(config, threads), convolution: 'direct' },
    ...evaluationWeightsOf(settings),
  };
}

/** Rejects as the pool does. */
export async function verifyIn(pool: Pool, job: VerificationJob, signal: AbortSignal): Promise<Verified> {
  let verified: Verified | undefined;
  const report = (each: Report): void => void (each.kind === 'verified' && (verified = each.verified));
  await pool.run(job, { report }, signal);
  return must(verified, 'what was verified');
}

/** Rejects as the pool does. */
export async function quantiseIn(pool: Pool, job: QuantisationJob, signal: AbortSignal): Promise<QuantisedExport> {
  let quantised: QuantisedExport | undefined;
  const report = (each: Report): void => void (each.kind === 'quantised' && (quantised = each.quantised));
  await pool.run(job, { report }, signal);
  return must(quantised, 'what was quantised');
}

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

type Run = { readonly folder: Folder; readonly config: Config; readonly pool: Pool };

export function createVerifier({ folder, config, pool }: Run, tell: (verification: Verification) => void): Verifier {
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
      const threads = part === 'test' && !settings.baseline ? coresOfRun(config).threads : 1;
      const job = verificationJob(folder, config, settings, state, line, part, threads);
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
