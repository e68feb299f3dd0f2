/** The front of a run: accuracy against parameters, of the networks that no other beats. */
import { frontOf } from '../../search/ranking.ts';
import { shownName } from '../../run/display/names.ts';
import { formatCount, formatPercent, plural } from '../../util/words.ts';
import { domainOf, label, mark, path, percentAxis, plotArea } from '../chart.ts';
import { narrowWidth, type Figure } from '../figure.ts';
import { html } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';
import { measuredCandidates, parameterAxis } from './size.ts';

export function frontFigure(run: RunDetails): Figure | null {
  const front = frontOf(run.state.search);
  if (front.length < 2) return null;
  const others = measuredCandidates(run);
  const [width, height] = [narrowWidth, 300];
  const xAxis = parameterAxis(
    [...front, ...others].map(({ parameters }) => parameters),
    6,
  );
  const yAxis = percentAxis(
    'accuracy, %',
    domainOf(
      [...front, ...others].map(({ accuracy }) => accuracy),
      0.1,
      0.02,
    ),
  );
  const area = plotArea(width, height, xAxis, yAxis);
  const dots = others.map(({ id, parameters, accuracy }) =>
    mark('dot', area.x(parameters), area.y(accuracy), `${id}: ${formatCount(parameters)} parameters, ${formatPercent(accuracy)}`),
  );
  const words = front.map(
    ({ candidate, parameters, multiplyAdds, accuracy }) =>
      `${shownName(run.config, candidate)}: ${formatCount(parameters)} parameters, ${formatCount(multiplyAdds)} multiply-adds, ${formatPercent(accuracy)}`,
  );
  const stars = front.map(({ parameters, accuracy }, at) => mark('star', area.x(parameters), area.y(accuracy), words[at] ?? ''));
  // Fewer multiply-adds may be what a network is on the front for: the line is of parameters alone.
  const best = front.filter(({ accuracy }, at) => front.slice(0, at).every((smaller) => smaller.accuracy < accuracy));
  const corners = best.flatMap(({ parameters, accuracy }, at) => {
    const before = best[at - 1];
    return [...(before === undefined ? [] : [{ x: parameters, y: before.accuracy }]), { x: parameters, y: accuracy }];
  });
  const names = best.map(({ candidate, parameters, accuracy }) => {
    const flip = area.x(parameters) > area.right - 46;
    const x = area.x(parameters) + (flip ? -9 : 9);
    return label(x, area.y(accuracy) + 4, `small halo won-text${flip ? ' end' : ''}`, shownName(run.config, candidate));
  });
  return {
    name: 'front',
    title: 'The front',
    alternative: `Accuracy against parameters of ${plural(front.length, 'network')} that no other of the run beats: ${words.join('; ')}.`,
    caption:
      'Networks that no other beats in accuracy, parameters and multiply-adds (★), and all others. The line is the best accuracy with so many parameters. The final network is measured on the test images, where it trained on those that validate the others.',
    narrow: { width, height, content: html`${area.axes}${path(area, corners, 'line won')}${dots}${stars}${names}` },
  };
}
