/** An image as a network receives it, enlarged without smoothing. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Shape } from '../../../network/network.ts';

export interface PixelImageProps {
  /** (H, W, C), C 1 or 3. */
  readonly pixels: Uint8Array;
  readonly shape: Shape;
  /** The longer side on the page, in pixels. */
  readonly side: number;
  /** Null where the element around it has a label. */
  readonly label: string | null;
}

export function PixelImage({ pixels, shape: { channels, height, width }, side, label }: PixelImageProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const picture = new ImageData(width, height);
    for (let at = 0; at < height * width; at++) {
      for (let band = 0; band < 3; band++) picture.data[4 * at + band] = pixels[channels * at + (channels >= 3 ? band : 0)] ?? 0;
      picture.data[4 * at + 3] = 255;
    }
    canvas.current?.getContext('2d')?.putImageData(picture, 0, 0);
  }, [pixels, width, height, channels]);
  const scale = side / Math.max(width, height);
  return (
    <canvas
      class="pixels"
      ref={canvas}
      width={width}
      height={height}
      style={{ width: `${width * scale}px`, height: `${height * scale}px` }}
      {...(label === null ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}
    />
  );
}
