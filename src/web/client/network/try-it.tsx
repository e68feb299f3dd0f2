/** An image, dropped, chosen or taken from the data, and what the network says of it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Shape } from '../../../network/network.ts';
import { plural } from '../../../util/words.ts';
import type { PartName } from '../../api.ts';
import { Bars } from './bars.tsx';
import { DrawnPixels } from './drawn-pixels.tsx';
import { readImageFile } from './image-file.ts';
import { PagedImages } from './paged-images.tsx';
import type { Pictures } from './pictures.ts';
import type { NetworkSession } from './session.ts';

export interface TryItProps {
  readonly session: NetworkSession;
  readonly shape: Shape;
  readonly classes: readonly string[];
}

interface Tried {
  readonly name: string;
  readonly pixels: Uint8Array;
  /** What it is, where that is known. */
  readonly label: string | null;
  readonly probabilities: Float32Array;
  readonly seen: number;
  readonly milliseconds: number;
}

const partWords: Readonly<Record<PartName, string>> = { validation: 'Validation images', test: 'Test images' };

export function TryIt({ session, shape, classes }: TryItProps) {
  const [tried, setTried] = useState<Tried | null>(null);
  const [state, setState] = useState<{ readonly words: string; readonly bad: boolean } | null>(null);
  const [over, setOver] = useState(false);
  const [part, setPart] = useState<PartName | null>(null);
  const [pictures, setPictures] = useState<Pictures | null>(null);
  const [place, setPlace] = useState<number | null>(null);
  /** The newest of what was asked: answers to older questions are not shown. */
  const asked = useRef(0);

  async function attempt(name: string, label: string | null, read: () => Promise<Uint8Array<ArrayBuffer>>): Promise<void> {
    const own = ++asked.current;
    setState({ words: tried === null ? 'Loading the network and ONNX Runtime …' : 'Computing …', bad: false });
    try {
      const [pixels, network] = await Promise.all([read(), session.classifier()]);
      const begin = performance.now();
      const { probabilities, seen } = await network.classify(pixels.slice(), 1, shape);
      if (own !== asked.current) return;
      setTried({ name, pixels, label, probabilities, seen: seen[0] ?? 0, milliseconds: performance.now() - begin });
      setState(null);
    } catch (error) {
      if (own === asked.current) setState({ words: (error as Error).message, bad: true });
    }
  }
  function take(file: File | undefined): void {
    if (file === undefined) return;
    setPlace(null);
    void attempt(file.name, null, () => readImageFile(file, shape));
  }
  useEffect(() => {
    if (part === null) return;
    let wanted = true;
    setPictures(null);
    setPlace(null);
    session.pictures(part).then(
      (found) => wanted && setPictures(found),
      (error: unknown) => wanted && setState({ words: (error as Error).message, bad: true }),
    );
    return () => {
      wanted = false;
    };
  }, [part, session]);
  const labelOf = (at: number): string => classes[pictures?.facts.labels[at] ?? -1] ?? '';
  const [places, setPlaces] = useState<readonly number[]>([]);
  useEffect(() => setPlaces(Array.from({ length: pictures?.facts.count ?? 0 }, (_none, at) => at)), [pictures]);

  return (
    <section aria-labelledby="net-try-title">
      <h2 id="net-try-title">Try it</h2>
      <p>
        The network is computed in this browser. What you drop here stays here; it is brought to {shape.width} × {shape.height}{' '}
        pixels{shape.channels === 1 ? ', grey' : ''}, as a folder of images is.
      </p>
      <div class="net-try">
        <div>
          <div
            class={`net-drop${over ? ' over' : ''}`}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={(event) => {
              event.preventDefault();
              setOver(false);
              take(event.dataTransfer?.files[0]);
            }}
          >
            <label>
              Drop an image here, or choose one:{' '}
              <input
                type="file"
                accept="image/*"
                onChange={(event) => {
                  take(event.currentTarget.files?.[0]);
                  event.currentTarget.value = ''; // So that the same file can be chosen again.
                }}
              />
            </label>
          </div>
          <div class="net-paging" role="group" aria-label="Images of the data">
            Or one of the run’s own:
            {(['validation', 'test'] as const).map((each) => (
              <button type="button" key={each} aria-pressed={part === each} onClick={() => setPart(each)}>
                {partWords[each]}
              </button>
            ))}
          </div>
          {part === null || pictures === null ? null : (
            <PagedImages
              label={partWords[part]}
              pictures={pictures}
              places={places}
              nameOf={(at) => `Image ${at}: ${labelOf(at)}`}
              below={labelOf}
              chosen={place}
              onChoose={(at, pixels) => {
                setPlace(at);
                void attempt(`${part} image ${at}`, labelOf(at), async () => pixels);
              }}
            />
          )}
        </div>
        <div aria-live="polite">
          {state === null ? null : (
            <p class={state.bad ? 'bad' : 'quiet'} role={state.bad ? 'alert' : 'status'}>
              {state.words}
            </p>
          )}
          {tried === null ? (
            <p class="quiet">{plural(classes.length, 'class', 'classes')}: an image is needed.</p>
          ) : (
            <>
              <h3>
                {tried.name}: {classes[tried.seen]}
              </h3>
              <DrawnPixels pixels={tried.pixels} shape={shape} side={160} label={`${tried.name}, as the network gets it`} />
              {tried.label === null ? null : (
                <p>
                  It is {tried.label}: {tried.label === classes[tried.seen] ? 'right' : 'wrong'}.
                </p>
              )}
              <Bars classes={classes} probabilities={tried.probabilities} />
              <p class="quiet">Computed here in {tried.milliseconds.toFixed(1)} ms.</p>
            </>
          )}
        </div>
      </div>
    </section>
  );
}
