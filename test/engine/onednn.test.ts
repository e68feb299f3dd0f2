import { createOneDnnEngine } from '../../src/engine/onednn/onednn.ts';
import { conformance } from './conformance.ts';

conformance('onednn', async () => createOneDnnEngine({ threads: 1, environment: process.env }), {
  tolerance: { direct: 1e-4, auto: 1e-3 },
});
