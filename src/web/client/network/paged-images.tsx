/** Images of a part of the data, a page of them at a time. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { formatWhole } from '../../../util/words.ts';
import { DrawnPixels } from './drawn-pixels.tsx';
import { bytesOfImage, type Pictures } from './pictures.ts';

const perPage = 24;

export interface PagedImagesProps {
  readonly label: string;
  readonly pictures: Pictures;
  /** Which, by their numbers in the part. Another list begins at its first page. */
  readonly places: readonly number[];
  /** What is said of one, and below it. */
  readonly nameOf: (place: number) => string;
  readonly below: (place: number) => ComponentChildren;
  readonly chosen: number | null;
  /** Null: they are only looked at. */
  readonly onChoose: ((place: number, pixels: Uint8Array<ArrayBuffer>) => void) | null;
}

export function PagedImages({ label, pictures, places, nameOf, below, chosen, onChoose }: PagedImagesProps) {
  const [page, setPage] = useState(0);
  const [loaded, setLoaded] = useState<{ readonly places: readonly number[]; readonly pixels: Uint8Array<ArrayBuffer> } | null>(
    null,
  );
  const [problem, setProblem] = useState<string | null>(null);
  const pages = Math.max(1, Math.ceil(places.length / perPage));
  useEffect(() => setPage(0), [places]);
  useEffect(() => {
    let wanted = true;
    const shown = places.slice(page * perPage, (page + 1) * perPage);
    pictures.read(shown).then(
      (pixels) => {
        if (!wanted) return;
        setLoaded({ places: shown, pixels });
        setProblem(null);
      },
      (error: unknown) => wanted && setProblem((error as Error).message),
    );
    return () => {
      wanted = false;
    };
  }, [pictures, places, page]);
  const size = bytesOfImage(pictures.facts.shape);
  return (
    <div>
      {problem === null ? null : (
        <p class="bad" role="alert">
          {problem}
        </p>
      )}
      <ul class="net-gallery" aria-label={label}>
        {(loaded?.places ?? []).map((place, at) => {
          const pixels = loaded?.pixels.slice(at * size, (at + 1) * size) ?? new Uint8Array(0);
          const { shape } = pictures.facts;
          const words = <small>{below(place)}</small>;
          return (
            <li key={place}>
              {onChoose === null ? (
                <>
                  <DrawnPixels pixels={pixels} shape={shape} side={72} label={nameOf(place)} />
                  {words}
                </>
              ) : (
                <button
                  type="button"
                  aria-label={nameOf(place)}
                  aria-pressed={place === chosen}
                  onClick={() => onChoose(place, pixels)}
                >
                  <DrawnPixels pixels={pixels} shape={shape} side={72} label={null} />
                  {words}
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {pages === 1 ? null : (
        <div class="net-paging" role="group" aria-label={`Pages: ${label}`}>
          <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
            Before
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
