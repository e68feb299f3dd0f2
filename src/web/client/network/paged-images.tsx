/** A gallery of images of a part of the data, in pages. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { formatWhole } from '../../../util/words.ts';
import { Alert, useLoaded } from '../parts.tsx';
import { bytesOfImage, type PartImages } from './images.ts';
import { PixelImage } from './pixel-image.tsx';

const perPage = 24;

export interface PagedImagesProps {
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
          const isButton = onSelect !== undefined;
          const content = (
            <>
              <PixelImage pixels={pixels} shape={shape} side={72} label={isButton ? null : nameOf(number)} />
              <small>{caption(number)}</small>
            </>
          );
          return (
            <li key={number}>
              {isButton ? (
                <button
                  type="button"
                  aria-label={nameOf(number)}
                  aria-pressed={number === selected}
                  onClick={() => onSelect(number, pixels)}
                >
                  {content}
                </button>
              ) : (
                content
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
