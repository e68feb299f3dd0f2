/** `npm run docs:reference`: writes the pages that follow from the tables of the program. */
import { writeFileSync } from 'node:fs';
import { referencePages } from './reference.ts';

for (const [path, write] of Object.entries(referencePages)) writeFileSync(path, write());
