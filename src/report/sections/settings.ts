/** Limits, and the settings that are not the preset's. */
import { describePlan } from '../../run/display/wording.ts';
import { differingSettings, valueOf } from '../../search/setting-names.ts';
import { presetNames, presets } from '../../search/settings.ts';
import { formatDuration } from '../../util/duration.ts';
import { formatBytes, formatWhole } from '../../util/words.ts';
import { html, type Markup } from '../markup.ts';
import type { Subject } from '../subject.ts';
import { pairs, scrolling, section, table, type Place } from './parts.ts';

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

function limits({ config, state }: Subject): Markup {
  const { limits: set } = config.settings;
  const budget = state.budget ?? config.budget;
  return pairs([
    ['budget', budget === null ? 'none: steps and epochs limit it' : formatDuration(budget)],
    ['steps', setting(set.steps)],
    ['parameters', setting(set.parameters)],
    ['multiply-adds an image', setting(set.multiplyAdds)],
    ['channels of a widened convolution', setting(set.channels)],
    ['seconds of search', setting(set.seconds)],
    ['memory of a worker', set.memory === Number.MAX_SAFE_INTEGER ? 'none' : formatBytes(set.memory)],
  ]);
}

function differences({ config }: Subject): Markup {
  const preset = presetNames.find((name) => name === config.preset);
  if (preset === undefined) return html`<p>The preset ${config.preset} is not known to this version.</p>`;
  const names = differingSettings(config.settings, preset);
  if (names.length === 0) return html`<p>Every setting is that of the preset ${preset}.</p>`;
  const listed = table(
    `Not as in the preset ${preset}`,
    [{ title: 'setting' }, { title: 'here' }, { title: preset }],
    names.map((name) => [
      html`<code>${name}</code>`,
      setting(valueOf(config.settings, name)),
      setting(valueOf(presets[preset], name)),
    ]),
  );
  return scrolling('Settings', listed);
}

export function settingsSection(subject: Subject, place: Place): Markup {
  const { state, config } = subject;
  const plan = state.plan === null ? null : describePlan(state.plan, state.budget ?? state.plan.searchUntil, config);
  return section(
    place,
    'settings',
    'Settings and limits',
    plan === null ? null : html`<p>${plan.replace(/^p/, 'P')}.</p>`,
    html`<div class="columns">
      <div>
        <h3>Limits</h3>
        ${limits(subject)}
      </div>
      <div>
        <h3>Settings</h3>
        ${differences(subject)}
      </div>
    </div>`,
  );
}
