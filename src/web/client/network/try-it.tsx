/** Classifies an image that is dropped, chosen, or taken from the data. */
import { useMemo, useRef, useState } from 'preact/hooks';
import { fitWords, type Fit } from '../../../data/fit.ts';
import type { Shape } from '../../../network/network.ts';
import { partNames, type PartName } from '../../api.ts';
import { Alert, useLoaded } from '../parts.tsx';
import { PagedImages, PixelImage } from './paged-images.tsx';
import { resampled } from './resample.ts';
import type { NetworkSession } from './session.ts';

interface TryItProps {
  readonly session: NetworkSession;
  readonly shape: Shape;
  readonly classes: readonly string[];
  /** What transparent images lie on, `#rrggbb`. */
  readonly background: string;
  readonly fit: Fit;
}

interface Result {
  readonly name: string;
  readonly pixels: Uint8Array;
  /** The label; null where it is not known. */
  readonly label: string | null;
  readonly predicted: string;
  readonly probabilities: Float32Array;
  readonly milliseconds: number;
}

type Classify = (name: string, label: string | null, read: () => Promise<Uint8Array<ArrayBuffer>>) => Promise<void>;

const partWords: Readonly<Record<PartName, string>> = { validation: 'Validation images', test: 'Test images' };

/** The shorter side in pixels to which the browser reduces a larger image first. */
const largestSide = 2048;

/** An image file as a network's input, (H, W, C): decoded and rotated by the browser, on the background. Rejects where the browser cannot read the file. */
async function readImageFile(
  file: File,
  { shape, background, fit }: Pick<TryItProps, 'shape' | 'background' | 'fit'>,
): Promise<Uint8Array<ArrayBuffer>> {
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    throw new Error(`${file.name}: this browser cannot read it as an image`);
  }
  const shrink = Math.min(1, largestSide / Math.min(image.width, image.height));
  const [width, height] = [Math.round(shrink * image.width), Math.round(shrink * image.height)];
  const canvas = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (context === null) throw new Error('this browser cannot draw images');
  context.fillStyle = background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return resampled(context.getImageData(0, 0, canvas.width, canvas.height), shape, fit);
}

function DropArea({ onFile }: { onFile(file: File | undefined): void }) {
  const [over, setOver] = useState(false);
  return (
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
        onFile(event.dataTransfer?.files[0]);
      }}
    >
      <label>
        Drop an image here, or choose one:{' '}
        <input
          type="file"
          accept="image/*"
          onChange={(event) => {
            onFile(event.currentTarget.files?.[0]);
            event.currentTarget.value = ''; // The same file can be chosen again.
          }}
        />
      </label>
    </div>
  );
}

interface DataImagesProps extends Omit<TryItProps, 'shape' | 'background' | 'fit'> {
  readonly classify: Classify;
  readonly selected: number | null;
  onSelect(number: number | null): void;
}

function DataImages({ session, classes, classify, selected, onSelect }: DataImagesProps) {
  const [part, setPart] = useState<PartName>();
  const { value, problem } = useLoaded(
    () => (part === undefined ? null : session.images(part).then((images) => ({ part, images }))),
    [part, session],
  );
  const images = value?.part === part ? (value?.images ?? null) : null;
  const numbers = useMemo(() => Array.from({ length: images?.facts.count ?? 0 }, (_none, at) => at), [images]);
  const labelOf = (at: number): string => classes[images?.facts.labels[at] ?? -1] ?? '';
  return (
    <>
      <div class="net-paging" role="group" aria-label="Images of the data">
        Or choose from the data of the run:
        {partNames.map((each) => (
          <button
            type="button"
            key={each}
            aria-pressed={part === each}
            onClick={() => {
              setPart(each);
              onSelect(null);
            }}
          >
            {partWords[each]}
          </button>
        ))}
      </div>
      <Alert text={problem} />
      {part === undefined || images === null ? null : (
        <PagedImages
          label={partWords[part]}
          images={images}
          numbers={numbers}
          nameOf={(at) => `Image ${at}: ${labelOf(at)}`}
          caption={labelOf}
          selected={selected}
          onSelect={(at, pixels) => {
            onSelect(at);
            void classify(`${part} image ${at}`, labelOf(at), async () => pixels);
          }}
        />
      )}
    </>
  );
}

const mostBars = 20;

/** The probabilities of the classes, largest first. */
function Bars({ classes, probabilities }: Pick<Result, 'probabilities'> & Pick<TryItProps, 'classes'>) {
  const rows = Array.from(probabilities, (probability, index) => ({ name: classes[index] ?? '', probability }))
    .toSorted((a, b) => b.probability - a.probability)
    .slice(0, mostBars);
  return (
    <ol class="net-bars" aria-label="Probabilities">
      {rows.map(({ name, probability }, at) => (
        <li key={name} class={at === 0 ? 'first' : ''}>
          <span class="name">{name}</span>
          <span>
            <span class="bar" style={{ display: 'block', width: `${100 * probability}%` }} />
          </span>
          <data value={probability}>{(100 * probability).toFixed(1)} %</data>
        </li>
      ))}
    </ol>
  );
}

const ResultView = ({ result, shape, classes }: { result: Result; shape: Shape; classes: readonly string[] }) => (
  <>
    <h3>
      {result.name}: {result.predicted}
    </h3>
    <PixelImage pixels={result.pixels} shape={shape} side={160} label={`${result.name}, as the network receives it`} />
    {result.label === null ? null : (
      <p>
        Label: {result.label} ({result.label === result.predicted ? 'right' : 'wrong'}).
      </p>
    )}
    <Bars classes={classes} probabilities={result.probabilities} />
    <p class="quiet">Computed in {result.milliseconds.toFixed(1)} ms.</p>
  </>
);

export function TryIt({ session, shape, classes, background, fit }: TryItProps) {
  const [result, setResult] = useState<Result | null>(null);
  const [selected, setSelected] = useState<number | null>(null);
  const [progress, setProgress] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  /** Only the latest request is shown. */
  const latest = useRef(0);

  const classify: Classify = async (name, label, read) => {
    const own = ++latest.current;
    setProblem(null);
    setProgress(result === null ? 'Loading the network and ONNX Runtime …' : 'Computing …');
    try {
      const [pixels, network] = await Promise.all([read(), session.classifier()]);
      const begin = performance.now();
      const { probabilities, classes: predicted } = await network.classify(pixels.slice(), 1, shape);
      if (own !== latest.current) return;
      const milliseconds = performance.now() - begin;
      setResult({ name, pixels, label, probabilities, predicted: classes[predicted[0] ?? 0] ?? '', milliseconds });
    } catch (error) {
      if (own === latest.current) setProblem((error as Error).message);
    }
    if (own === latest.current) setProgress(null);
  };
  return (
    <section aria-labelledby="net-try-title">
      <h2 id="net-try-title">Try it</h2>
      <p>
        The network runs in this browser; your images stay on this machine. They are {fitWords[fit]}, resized to {shape.width} ×{' '}
        {shape.height} pixels
        {shape.channels === 1 ? ' and converted to grey' : ''}, as the images of the run were.
      </p>
      <div class="net-try">
        <div>
          <DropArea
            onFile={(file) => {
              if (file === undefined) return;
              setSelected(null);
              void classify(file.name, null, () => readImageFile(file, { shape, background, fit }));
            }}
          />
          <DataImages session={session} classes={classes} classify={classify} selected={selected} onSelect={setSelected} />
        </div>
        <div aria-live="polite">
          <Alert text={problem} />
          {progress === null ? null : (
            <p class="quiet" role="status">
              {progress}
            </p>
          )}
          {result === null ? (
            <p class="quiet">Choose an image to classify it into one of {classes.length} classes.</p>
          ) : (
            <ResultView result={result} shape={shape} classes={classes} />
          )}
        </div>
      </div>
    </section>
  );
}
