/** The reference engine in the suite of all engines, where a tenth of the random networks do: what they are compared with is itself. That it is right is another test's business: definitions, gradients. */
import { reference } from '../../src/engine/reference/engine.ts';
import { conformance } from './conformance.ts';

conformance('reference', async () => reference, { tolerance: { direct: 0, auto: 0 }, share: 0.1 });
