/**
 * `npm run docs:picture -- RUN COMMAND`: what the terminal showed during a run, as the moving picture docs/search.svg, and its last
 * screen as docs/search-still.svg. Both follow from the journal alone: a screen an event, and one each five seconds for the clock.
 */
import { writeFileSync } from 'node:fs';
import { render } from '../src/cli/render.ts';
import { summary } from '../src/cli/summary.ts';
import { describePlan } from '../src/run/display/wording.ts';
import { emptyView, observe } from '../src/run/display/view.ts';
import { readRun } from '../src/run/record/read.ts';
import { columns, filmSvg, rows, type Frame } from './film.ts';

/** Seconds of the run between two screens where nothing happens. */
const tick = 5;

const [from = '', command = ''] = process.argv.slice(2);
const { config, replay } = readRun(from);
const root = 'runs/NAME';
const prompt = `\u001b[2m$\u001b[0m \u001b[1m${command}\u001b[0m`;

const frames: Frame[] = [{ time: 0, lines: [prompt] }];
const said: string[] = [prompt];
let view = emptyView;
const draw = (now: number): void => {
  const drawn = render({ view, config, root, now, notice: null }, { width: columns - 1, height: rows, colour: true });
  frames.push({ time: now, lines: [...said, ...drawn] });
};
for (const entry of replay.entries) {
  for (let now = (frames.at(-1)?.time ?? 0) + tick; now < entry.t; now += tick) draw(now);
  view = observe(view, entry, entry.t);
  if (entry.type === 'plan') said.push(describePlan(entry.plan, entry.budget, config));
  draw(entry.t);
}
const end = frames.at(-1)?.time ?? 0;
frames.push({ time: end + tick, lines: [prompt, ...summary(view.run, config, root, '', true)] });

const title = `${command}: a real run, ${Math.round(end / 60)} minutes in 16 seconds`;
for (const [path, shown] of [
  ['docs/search.svg', frames],
  ['docs/search-still.svg', frames.slice(-1)],
] as const) {
  const svg = filmSvg(shown, { title, seconds: 16, rest: 8 });
  writeFileSync(path, svg);
  process.stdout.write(`${path}: ${shown.length} screens, ${svg.length} bytes\n`);
}
