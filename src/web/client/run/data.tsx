/** The data of a run, and what its network makes of the test images: class by class. */
import { useMemo } from 'preact/hooks';
import { splitCounts } from '../../../data/split-counts.ts';
import { classesFigure } from '../../../report/figures/classes.ts';
import type { RunDetails } from '../../../report/run-details.ts';
import { html } from '../../../report/markup.ts';
import { testHtml } from '../../../report/sections/answers.ts';
import { formatWhole, plural } from '../../../util/words.ts';
import { Link, Pairs, ReportMarkup } from '../parts.tsx';

export function DataTab({ subject, id }: { readonly subject: RunDetails; readonly id: string }) {
  const { data } = subject.config;
  const { train, validation } = splitCounts(data, subject.settings);
  const { channels, height, width } = data.shape;
  const test = useMemo(() => html`${testHtml(subject, classesFigure(subject), 'run')}`, [subject]);
  return (
    <>
      <Pairs
        pairs={[
          ['data', data.name],
          [plural(data.classes.length, 'class', 'classes'), data.classes.join(', ')],
          ['images', `${height} × ${width} pixels, ${channels === 1 ? 'grey' : plural(channels, 'channel')}`],
          ['for training', formatWhole(train)],
          ['for validation', formatWhole(validation)],
          ['for the test', formatWhole(data.testImages)],
        ]}
      />
      <h2>What it makes of the test images</h2>
      <ReportMarkup markup={test} />
      {subject.best === null ? null : (
        <p>
          <Link to={{ page: 'network', run: id, candidate: subject.best }}>The network’s page</Link> shows the images behind each
          cell, and takes images of your own.
        </p>
      )}
    </>
  );
}
