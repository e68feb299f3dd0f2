/** How folders of images are read: what their decoded bytes depend on beside the files and their size. Kept in a run's configuration. */
import { z } from 'zod';
import { fits } from './fit.ts';

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
  /** How they are brought to size. Absent: to be found; of a run that does not say it `crop`. */
  fit: z.enum(fits).optional(),
  /** Training images of which a sample is decoded: how many train, at most, and the share that validates. Absent: all are. */
  sample: z.strictObject({ images: z.int().min(1), validation: z.number().min(0).lt(1) }).optional(),
});

export type Reading = z.infer<typeof readingSchema>;

export const usualReading: Reading = { version: 2, background: '#ffffff', strict: false };

/** Of runs that do not say it. */
export const firstReading: Reading = { version: 1, background: '#000000', strict: true, bits: 16, fit: 'crop' };

/** How a run's images were read, by its configuration. */
export const givenReading = (reading: Reading = firstReading) => ({ ...reading, fit: reading.fit ?? 'crop' });

/** What of it decoded bytes depend on, as a key. Cropping is not said, so that what was decoded before there was a choice is found. */
export const readingKey = ({ version, background, bits, fit, sample }: Reading) => ({
  version,
  background,
  bits: bits ?? null,
  ...(fit === 'crop' ? {} : { fit: fit ?? null }),
  ...(sample === undefined ? {} : { sample }),
});

/** What an exported file says of how its images are made. */
export const renderingSchema = z.object({
  background: colourSchema.optional(),
  bits: z.int().min(1).max(16).optional(),
  fit: z.enum(fits).optional(),
});

const renderingDefaults = z.object({
  background: colourSchema.catch('#ffffff'),
  bits: z.coerce.number().pipe(z.int().min(1).max(16)).optional().catch(undefined),
  fit: z.enum(fits).catch('crop'),
});

/** The same of metadata of any origin: cropped, on white, where it says nothing that is known. */
export const renderingIn = (metadata: unknown) => renderingDefaults.parse(metadata);
