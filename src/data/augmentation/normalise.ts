/** (pixel/255 − mean)/std of each channel; pixel/255 where it is switched off. Rounded to f32 once, from f64. Draws nothing. */
import type { Augmentation } from './augmentation.ts';

export const normalise = {
  stage: 'normalise',
  create(settings, { shape, mean, std }) {
    const levels = new Float32Array(shape.channels * 256);
    for (let channel = 0; channel < shape.channels; channel++) {
      const [centre, scale] = settings.normalise ? [mean[channel] as number, std[channel] as number] : [0, 1];
      for (let pixel = 0; pixel < 256; pixel++) levels[channel * 256 + pixel] = (pixel / 255 - centre) / scale;
    }
    return levels;
  },
} as const satisfies Augmentation;
