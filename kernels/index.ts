/** What the engines call. Every function reads and writes the imported memory alone, and keeps nothing. */
export {
  transformInput,
  transformOutput,
  transformOutputPooled,
  transformGradient,
  transformKernel,
  transformKernelGradient,
} from './winograd';
export { maxPool, maxPoolGradient } from './pool';
