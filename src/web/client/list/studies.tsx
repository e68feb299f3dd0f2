/** The studies of the folder and their progress. */
import type { Listing, StudyRow } from '../../api.ts';
import { Link } from '../parts.tsx';
import { plural } from '../../../util/words.ts';
import { ago, exactly } from './columns.tsx';

export function StudyProgress({ study: { finished, planned, title } }: { readonly study: StudyRow }) {
  return (
    <span class="progress">
      <progress max={Math.max(1, planned)} value={finished} aria-label={`Finished runs of ${title}`} />
      <span>
        {finished} of {plural(planned, 'run')}
      </span>
    </span>
  );
}

export function Studies({ listing: { studies, runs }, now }: { readonly listing: Listing; readonly now: number }) {
  if (studies.length === 0) return null;
  const running = (id: string): number => runs.filter(({ study, state }) => study === id && state === 'running').length;
  return (
    <section aria-labelledby="studies" class="studies">
      <h2 id="studies">Studies</h2>
      <ul>
        {studies.map((study) => (
          <li key={study.id}>
            <span class="title">
              <Link to={{ page: 'study', study: study.id }}>{study.title}</Link>
              {study.problem === null ? null : <small class="bad">{study.problem}</small>}
            </span>
            {study.problem === null ? <StudyProgress study={study} /> : <span class="state state-damaged">damaged</span>}
            <span class="quiet">
              {running(study.id) > 0 ? `${running(study.id)} running · ` : ''}
              {study.changed === 0 ? '' : <span title={exactly(study.changed)}>changed {ago(study.changed, now)}</span>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
