// Looks at the page as an accessibility checker does and returns what is wrong: controls without a name,
// targets that are too small, text without enough contrast, doubled ids, missing landmarks.
(() => {
  const wrong = [];
  const isShown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 2;
  const nameOf = (e) => (e.ariaLabel || e.labels?.[0]?.textContent || e.alt || e.textContent || '').trim();

  for (const control of document.querySelectorAll('button, a[href], textarea, [role]')) {
    if (control.id !== 'typing' && control.id !== 'offline' && !nameOf(control)) wrong.push(`no name: ${control.outerHTML}`);
  }
  for (const control of document.querySelectorAll('button, textarea')) {
    const { width, height } = control.getBoundingClientRect();
    if (isShown(control) && (width < 44 || height < 44)) wrong.push(`too small: ${nameOf(control)} ${width}x${height}`);
  }
  for (const link of document.querySelectorAll('.small a')) {
    if (link.getBoundingClientRect().height < 23.5) wrong.push(`too small: ${nameOf(link)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  if (new Set(ids).size !== ids.length) wrong.push('doubled ids');
  for (const landmark of ['header', 'main', 'h1', '[role=log]', '[role=status]', 'label[for=text]', 'a.skip[href="#text"]']) {
    if (!document.querySelector(landmark)) wrong.push(`missing: ${landmark}`);
  }
  if (parseFloat(getComputedStyle(document.getElementById('text')).fontSize) < 16) wrong.push('small font in the field');
  if (parseFloat(getComputedStyle(document.querySelector('.body')).fontSize) < 16) wrong.push('small font in messages');

  const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
  const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const contrast = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const backgroundOf = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const check = (e, colour, least, what) => {
    const found = contrast(parse(colour), backgroundOf(e));
    if (found < least) wrong.push(`${what} ${found.toFixed(2)} < ${least}: ${e.tagName}.${e.className} ${e.textContent.slice(0, 30)}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (walker.currentNode.textContent.trim() && isShown(e)) check(e, getComputedStyle(e).color, 4.5, 'text');
  }
  const field = document.getElementById('text');
  check(field, getComputedStyle(field, '::placeholder').color, 4.5, 'placeholder');
  for (const edged of document.querySelectorAll('.options button, #text')) {
    check(edged.parentElement, getComputedStyle(edged).borderTopColor, 3, 'edge');
  }
  for (const icon of document.querySelectorAll('svg')) {
    if (isShown(icon)) check(icon.parentElement, getComputedStyle(icon).stroke, 3, 'icon');
  }
  return wrong;
})()
