/** A gallery of images of a part of the data, in pages. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Shape } from '../../../network/network.ts';
import { formatWhole } from '../../../util/words.ts';
import { Alert, useLoaded } from '../parts.tsx';
import { bytesOfImage, type PartImages } from './images.ts';

interface PixelImageProps {
  /** (H, W, C), C 1 or 3. */
  readonly pixels: Uint8Array;
  readonly shape: Shape;
  /** The longer side on the page, in pixels. */
  readonly side: number;
  /** Null where the element around it has a label. */
  readonly label: string | null;
}

/** An image as a network receives it, enlarged without smoothing. */
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

const perPage = 24;

interface PagedImagesProps {
  readonly label: string;
  readonly images: PartImages;
  /** Of the images to show. Another list starts at its first page. */
  readonly numbers: readonly number[];
  readonly nameOf: (number: number) => string;
  readonly caption: (number: number) => ComponentChildren;
  /** With this, each image is a button. */
  readonly onSelect?: (number: number, pixels: Uint8Array<ArrayBuffer>) => void;
  readonly selected?: number | null;
}

export function PagedImages({ label, images, numbers, nameOf, caption, onSelect, selected = null }: PagedImagesProps) {
  const [page, setPage] = useState(0);
  const pages = Math.max(1, Math.ceil(numbers.length / perPage));
  useEffect(() => setPage(0), [numbers]);
  const { value: loaded, problem } = useLoaded(async () => {
    const shown = numbers.slice(page * perPage, (page + 1) * perPage);
    return { numbers: shown, pixels: await images.read(shown) };
  }, [images, numbers, page]);
  const { shape } = images.facts;
  const size = bytesOfImage(shape);
  return (
    <div>
      <Alert text={problem} />
      <ul class="net-gallery" aria-label={label}>
        {loaded?.numbers.map((number, at) => {
          const pixels = loaded.pixels.slice(at * size, (at + 1) * size);
          const content = (
            <>
              <PixelImage pixels={pixels} shape={shape} side={72} label={onSelect === undefined ? nameOf(number) : null} />
              <small>{caption(number)}</small>
            </>
          );
          return (
            <li key={number}>
              {onSelect === undefined ? (
                content
              ) : (
                <button
                  type="button"
                  aria-label={nameOf(number)}
                  aria-pressed={number === selected}
                  onClick={() => onSelect(number, pixels)}
                >
                  {content}
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {pages === 1 ? null : (
        <div class="net-paging" role="group" aria-label={`Pages: ${label}`}>
          <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
            Previous
          </button>
          <span>
            page {formatWhole(page + 1)} of {formatWhole(pages)}
          </span>
          <button type="button" disabled={page >= pages - 1} onClick={() => setPage(page + 1)}>
            Next
          </button>
        </div>
      )}
    </div>
  );
}
