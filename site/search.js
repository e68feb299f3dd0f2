/** The search of the site. What it looks through is loaded when the field is used first. */
const root = document.documentElement.dataset.root ?? '';
const field = document.getElementById('words');
const found = document.getElementById('found');

const load = (name) =>
  new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = root + name;
    script.addEventListener('load', resolve);
    script.addEventListener('error', () => reject(new Error(`${name} cannot be loaded`)));
    document.head.append(script);
  });

let index = null;
async function makeIndex() {
  await Promise.all([load('minisearch.js'), load('sections.js')]);
  const made = new globalThis.MiniSearch({ fields: ['heading', 'page', 'body'], storeFields: ['heading', 'page', 'body'] });
  made.addAll(globalThis.sections);
  return made;
}

const element = (name, text, parts = []) => {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...parts);
  return made;
};

/** The words around the first match. */
function excerpt({ body, terms }) {
  const text = body.replaceAll(/\s+/g, ' ');
  const lower = text.toLowerCase();
  const first = Math.min(...terms.map((term) => lower.indexOf(term)).filter((at) => at >= 0), text.length);
  const from = first === text.length ? 0 : Math.max(0, first - 60);
  return `${from > 0 ? '…' : ''}${text.slice(from, from + 160)}${text.length > from + 160 ? '…' : ''}`;
}

async function look() {
  const words = field.value.trim();
  found.hidden = words === '';
  if (words === '') return;
  index ??= makeIndex();
  const results = (await index).search(words, {
    prefix: true,
    fuzzy: 0.2,
    combineWith: 'AND',
    boost: { heading: 4, page: 2 },
  });
  if (field.value.trim() !== words) return;
  const lines = results.slice(0, 12).map((result) => {
    const link = element('a', result.heading === result.page ? result.page : `${result.page} › ${result.heading}`);
    link.href = root + result.id;
    return element('li', '', [link, element('p', excerpt(result))]);
  });
  const count = results.length === 0 ? `Nothing has all of: ${words}` : `${results.length} found`;
  found.replaceChildren(element('p', count), element('ol', '', lines));
}

field.addEventListener('input', look);
field.form.addEventListener('submit', (event) => {
  event.preventDefault();
  found.querySelector('a')?.click();
});
found.addEventListener('click', (event) => {
  if (event.target.closest('a') !== null) found.hidden = true;
});
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && !/^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '')) {
    event.preventDefault();
    field.focus();
  }
  if (event.key === 'Escape') {
    field.value = '';
    found.hidden = true;
  }
});

// On a narrow screen the list of pages is closed.
const pages = document.querySelector('.menu details');
if (globalThis.matchMedia('(max-width: 50rem)').matches) pages.open = false;
