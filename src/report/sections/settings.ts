/** Limits, and the settings that differ from the preset. */
import { describePlan } from '../../run/display/wording.ts';
import { differingSettings, valueOf } from '../../search/setting-names.ts';
import { presetNames, presets } from '../../search/settings.ts';
import { formatDuration } from '../../util/duration.ts';
import { formatBytes, formatWhole } from '../../util/words.ts';
import { html, type Markup } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';
import { pairs, scrollingTable, section, texts } from './parts.ts';

const setting = (value: unknown): string =>
  value === null
    ? 'none'
    : Array.isArray(value)
      ? value.join(', ')
      : typeof value === 'number' && value >= 10_000
        ? formatWhole(value)
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);

function limits({ config, state }: RunDetails): Markup {
  const { limits: set } = config.settings;
  const budget = state.budget ?? config.budget;
  return pairs([
    ['budget', budget === null ? 'none' : formatDuration(budget)],
    ['steps', setting(set.steps)],
    ['parameters', setting(set.parameters)],
    ['multiply-adds per image', setting(set.multiplyAdds)],
    ['channels of a widened convolution', setting(set.channels)],
    ['seconds of search', setting(set.seconds)],
    ['memory of a worker', set.memory === Number.MAX_SAFE_INTEGER ? 'none' : formatBytes(set.memory)],
  ]);
}

function differences({ config }: RunDetails): Markup {
  const preset = presetNames.find((name) => name === config.preset);
  if (preset === undefined) return html`<p>This version does not have the preset ${config.preset}.</p>`;
  const names = differingSettings(config.settings, preset);
  if (names.length === 0) return html`<p>All settings are those of the preset ${preset}.</p>`;
  const rows = names.map((name) => [
    html`<code>${name}</code>`,
    setting(valueOf(config.settings, name)),
    setting(valueOf(presets[preset], name)),
  ]);
  return scrollingTable('Settings', `Different from the preset ${preset}`, texts('setting', 'this run', preset), rows);
}

export function settingsSection(run: RunDetails, prefix: string): Markup {
  const { state, config } = run;
  const plan = state.plan === null ? null : describePlan(state.plan, state.budget ?? state.plan.searchUntil, config);
  return section(
    prefix,
    'settings',
    'Settings and limits',
    plan === null ? null : html`<p>${plan.replace(/^p/, 'P')}.</p>`,
    html`<div class="columns">
      <div>
        <h3>Limits</h3>
        ${limits(run)}
      </div>
      <div>
        <h3>Settings</h3>
        ${differences(run)}
      </div>
    </div>`,
  );
}
