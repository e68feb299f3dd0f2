/** The verification of a candidate's exported file by a worker. */
import type { Pool } from '../../execution/pool.ts';
import type { Settings } from '../../search/settings.ts';
import { candidateOf, type CandidateId, type SearchState, networkOf } from '../../search/state.ts';
import type { Report, VerificationJob, Verified } from '../../training/job.ts';
import { must } from '../../util/assert.ts';
import { dataReference, engineOf, type Config } from '../record/config.ts';
import { aboutOf, type Folder } from '../record/folder.ts';

export interface VerificationRequest {
  readonly line: CandidateId;
  readonly part: 'validation' | 'test';
  readonly threads: number;
}

/** `settings`: as a budget scaled them. */
export function verificationJob(
  folder: Folder,
  config: Config,
  settings: Settings,
  search: SearchState,
  { line, part, threads }: VerificationRequest,
): VerificationJob {
  const { checkpoint } = candidateOf(search, line);
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
    engine: { ...engineOf(config, threads), convolution: 'direct' },
  };
}

/** Rejects as the pool does. */
export async function verifyIn(pool: Pool, job: VerificationJob, signal: AbortSignal): Promise<Verified> {
  let verified: Verified | undefined;
  const watch = {
    report: (report: Report): void => void (report.kind === 'verified' && (verified = report.verified)),
    started: (): void => undefined,
  };
  await pool.run(job, watch, signal);
  return must(verified, 'what was verified');
}
