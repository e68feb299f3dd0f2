/** A program as text, one line for each step: `12 ← convolution 3 4 5 3×3`. */
import { accessOf } from './access.ts';
import { bufferOf, type BufferId, type Geometry, type Program, type Step } from './program.ts';

const aroundOf = ({ margins }: Geometry): string => (margins === undefined ? '' : ` in ${Object.values(margins).join()}`);

const label = (program: Program, id: BufferId): string => `%${id} ${bufferOf(program, id).name}`;

export function printStep(program: Program, step: Step): string {
  const { reads, writes, updates } = accessOf(step);
  const list = (ids: readonly BufferId[]): string => ids.map((id) => label(program, id)).join(', ');
  const detail =
    'geometry' in step
      ? ` ${step.geometry.kernel}×${step.geometry.kernel}/${step.geometry.stride}+${step.geometry.padding}${step.geometry.groups > 1 ? ' depthwise' : ''}${step.geometry.dilation === undefined ? '' : ` dilated by ${step.geometry.dilation}`}${aroundOf(step.geometry)}`
      : step.kind === 'batch-normalization'
        ? ` ${step.statistics}${step.relu ? ' relu' : ''}`
        : step.kind === 'batch-normalization-gradient' && step.statistics === 'running'
          ? ' running'
          : '';
  return `${list([...writes, ...updates])} ← ${step.kind}${detail}(${list(reads)})`;
}

export const printProgram = (program: Program): string => program.steps.map((step) => printStep(program, step)).join('\n');
