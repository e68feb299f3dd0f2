/** How folders of images are read: what their decoded bytes depend on beside the files and their size. Kept in a run's configuration. */
import { z } from 'zod';

/** `#rrggbb`. */
export const colourSchema = z.string().regex(/^#[0-9a-fA-F]{6}$/);

export const readingSchema = z.strictObject({
  /** 1: PNG, JPEG and WebP by their extensions, and no validation part. */
  version: z.union([z.literal(1), z.literal(2)]),
  /** What transparent images lie on. */
  background: colourSchema,
  /** Whether a single damaged image is an error. */
  strict: z.boolean(),
  /** Of 16 bits a channel, how many are used. Absent: to be found. */
  bits: z.int().min(1).max(16).optional(),
});

export type Reading = z.infer<typeof readingSchema>;

export const usualReading: Reading = { version: 2, background: '#ffffff', strict: false };

/** Of runs that do not say it. */
export const firstReading: Reading = { version: 1, background: '#000000', strict: true, bits: 16 };
