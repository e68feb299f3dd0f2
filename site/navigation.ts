/** The pages in the order of the site's menu, with their short names. Pages that only others lead to are not in it. */
export interface Group {
  readonly name: string;
  readonly pages: readonly (readonly [path: string, name: string])[];
}

export const navigation: readonly Group[] = [
  {
    name: 'Begin',
    pages: [
      ['README.md', 'Instar'],
      ['docs/getting-started.md', 'Getting started'],
      ['docs/photos.md', 'Photos and labels'],
      ['docs/budgets.md', 'Budgets'],
      ['docs/trained-starts.md', 'Fine-tuning'],
      ['docs/smaller.md', 'Make it smaller'],
      ['docs/devices.md', 'Small devices'],
      ['docs/use-the-network.md', 'Use the network'],
      ['docs/coming-from.md', 'Coming from other tools'],
    ],
  },
  {
    name: 'More',
    pages: [
      ['docs/dashboard.md', 'Dashboard'],
      ['docs/cluster.md', 'Several machines'],
      ['docs/studies.md', 'Studies and the lab'],
      ['docs/library.md', 'Library'],
      ['docs/api.md', 'Interface of the library'],
      ['docs/runs.md', 'Runs and guarantees'],
    ],
  },
  {
    name: 'Look up',
    pages: [
      ['docs/commands.md', 'Commands'],
      ['docs/settings.md', 'Settings'],
      ['docs/troubleshooting.md', 'Troubleshooting'],
      ['docs/faq.md', 'Questions'],
      ['docs/platforms.md', 'Platforms and limits'],
      ['docs/glossary.md', 'Glossary'],
    ],
  },
  {
    name: 'Evidence',
    pages: [
      ['docs/measurements.md', 'Measurements'],
      ['docs/paper.md', 'The paper in the code'],
      ['docs/given-networks.md', 'Networks that are read'],
      ['LOG.md', 'Log of experiments'],
      ['ARCHITECTURE.md', 'Architecture'],
    ],
  },
];
