/**
 * What the page does beyond what it shows: networks can be drawn larger and smaller, thresholds moved, and a link into a folded
 * table unfolds it. Without it everything is there still. Text alone; the page's policy names its hash.
 */
export const pageScript = `
(() => {
  for (const graph of document.querySelectorAll('.zoomable')) {
    const area = graph.querySelector('.scroll');
    const picture = graph.querySelector('svg');
    if (!area || !picture) continue;
    const own = picture.viewBox.baseVal;
    let scale = 1;
    const show = (next) => {
      const middle = [(area.scrollLeft + area.clientWidth / 2) / scale, (area.scrollTop + area.clientHeight / 2) / scale];
      scale = Math.min(4, Math.max(0.15, next));
      picture.setAttribute('width', own.width * scale);
      picture.setAttribute('height', own.height * scale);
      area.scrollLeft = middle[0] * scale - area.clientWidth / 2;
      area.scrollTop = middle[1] * scale - area.clientHeight / 2;
    };
    const fit = () => show(Math.min((area.clientWidth - 4) / own.width, area.clientHeight / own.height));
    const tools = document.createElement('div');
    tools.className = 'tools';
    const button = (text, name, act) => {
      const made = document.createElement('button');
      made.type = 'button';
      made.textContent = text;
      made.setAttribute('aria-label', name);
      made.addEventListener('click', act);
      tools.append(made);
    };
    button('+', 'Larger', () => show(scale * 1.3));
    button('\\u2212', 'Smaller', () => show(scale / 1.3));
    button('1:1', 'At its own size', () => show(1));
    button('All', 'The whole network', fit);
    graph.prepend(tools);
    const middle = () => { area.scrollLeft = (own.width * scale - area.clientWidth) / 2; };
    middle();
    const details = graph.closest('details');
    if (details) details.addEventListener('toggle', middle);
    area.addEventListener('wheel', (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      show(scale * Math.exp(-event.deltaY / 400));
    }, { passive: false });
    let held = null;
    let from = null;
    let moved = false;
    area.addEventListener('pointerdown', (event) => {
      if (event.pointerType !== 'mouse' || event.button !== 0) return;
      held = { x: event.clientX + area.scrollLeft, y: event.clientY + area.scrollTop };
      from = { x: event.clientX, y: event.clientY };
      moved = false;
    });
    addEventListener('pointermove', (event) => {
      if (!held) return;
      moved = moved || Math.hypot(event.clientX - from.x, event.clientY - from.y) > 4;
      area.scrollLeft = held.x - event.clientX;
      area.scrollTop = held.y - event.clientY;
    });
    for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => { held = null; });
    area.addEventListener('dragstart', (event) => event.preventDefault());
    area.addEventListener('click', (event) => {
      if (moved) event.preventDefault();
    }, true);
  }
  for (const block of document.querySelectorAll('.threshold')) {
    const slider = block.querySelector('input');
    const output = block.querySelector('output');
    if (!slider || !output) continue;
    const counts = block.dataset.counts.split(';').map((each) => each.split(' ').map(Number));
    const [positives, negatives] = block.dataset.of.split(' ').map(Number);
    const percent = (part, whole) => (whole === 0 ? '\u2013' : (100 * part / whole).toFixed(1) + ' %');
    const followers = [...block.parentElement.querySelectorAll('.follower')];
    const places = followers.map((each) => (each.dataset.places || '').split(';'));
    const show = () => {
      const at = Math.round(Number(slider.value) * 100);
      const [right, wrong] = counts[at];
      output.textContent = Number(slider.value).toFixed(2) + ': precision ' + percent(right, right + wrong) + ', recall ' +
        percent(right, positives) + ', false positive rate ' + percent(wrong, negatives) + '; ' + right + ' of ' + positives +
        ' taken, and ' + wrong + ' of other classes';
      followers.forEach((each, index) => {
        const [x, y] = (places[index][at] || '-20 -20').split(' ');
        each.setAttribute('cx', x);
        each.setAttribute('cy', y);
      });
    };
    slider.addEventListener('input', show);
    block.hidden = false;
    show();
  }
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target.parentElement; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
    target.scrollIntoView({ block: 'center' });
  };
  addEventListener('hashchange', unfold);
  if (location.hash.length > 1) unfold();
})();
`.trim();
