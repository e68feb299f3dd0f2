/** The settings of an evolutionary step, which methods plan it from. */
import { z } from 'zod';

export const stepSettingsSchema = z.strictObject({
  /** Children a step, the unmutated parent included. */
  children: z.int().min(1).max(1024),
  /** Mutations a child. */
  mutations: z.int().min(1).max(1000),
  /** E: epochs a step, over all children. */
  epochs: z.int().min(1),
  /** η. */
  eta: z.int().min(2).max(64),
  /** Learning rate. */
  rate: z.number().positive().max(10),
});

export type StepSettings = z.infer<typeof stepSettingsSchema>;
