/** A run: what it does or came to at the top, and all else in tabs. Only the tab that is looked at is computed. */
import './run.css';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import type { RunDetails } from '../../../report/run-details.ts';
import { factsSection, settingsSection } from '../../../report/sections/facts.ts';
import { ReportMarkup, RunFrame } from '../parts.tsx';
import type { TabName } from '../route.ts';
import { CurvesTab } from '../run/curves.tsx';
import { DataTab } from '../run/data.tsx';
import { FamilyTab } from '../run/family.tsx';
import { RunHead } from '../run/head.tsx';
import { LogTab } from '../run/log.tsx';
import { NetworksTab } from '../run/networks.tsx';
import { OverviewTab } from '../run/overview.tsx';
import { TabList, TabPanel } from '../run/tabs.tsx';
import { subjectOfRun, type LiveRun } from '../run-store.ts';

interface TabProps {
  readonly run: LiveRun;
  readonly subject: RunDetails;
  readonly id: string;
}

const SettingsTab = ({ subject }: TabProps) => (
  <>
    <ReportMarkup markup={useMemo(() => settingsSection(subject, 'run'), [subject])} />
    <ReportMarkup markup={useMemo(() => factsSection(subject, 'run'), [subject])} />
  </>
);

const tabs: { readonly [Tab in TabName]: (props: TabProps) => JSX.Element } = {
  overview: OverviewTab,
  family: FamilyTab,
  curves: CurvesTab,
  networks: NetworksTab,
  data: DataTab,
  log: LogTab,
  settings: SettingsTab,
};

function Body({ run, id, tab }: { readonly run: LiveRun; readonly id: string; readonly tab: TabName }) {
  // The state of the replay changes with events, not with progress.
  const subject = useMemo(() => subjectOfRun(run), [run.view.run, run.condition]);
  const Tab = tabs[tab];
  return (
    <>
      <RunHead run={run} subject={subject} />
      <TabList run={id} tab={tab} />
      <TabPanel tab={tab}>
        <Tab run={run} subject={subject} id={id} />
      </TabPanel>
    </>
  );
}

export function RunPage({ run: id, tab }: { readonly run: string; readonly tab: TabName }) {
  return (
    <RunFrame run={id} title={id}>
      {(run) => <Body run={run} id={id} tab={tab} />}
    </RunFrame>
  );
}
