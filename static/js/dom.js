// Elements from code. Whatever comes from outside becomes a text node.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [attributes]
 *   functions become listeners; false, null and undefined are left out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

/**
 * @param {Element} parent
 * @param {Child[]} children
 */
export function append(parent, children) {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/**
 * @param {Element} parent
 * @param {...Child} children
 */
export function replace(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/**
 * Loads a style sheet that not everybody needs. One that does not come delays
 * nothing but its looks.
 * @param {string} name
 * @returns {Promise<void>}
 */
export function style(name) {
  return new Promise((resolve) => {
    document.head.append(h('link', { rel: 'stylesheet', href: `static/css/${name}.css`, load: () => resolve(), error: () => resolve() }));
  });
}

/**
 * The element that the page's own HTML has under this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return element;
}

/** Drawn on 16 × 16, stroked. @type {Record<string, string>} */
const paths = {
  play: 'M5 3.2v9.6l7.5-4.8z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.2 3.2',
  download: 'M8 2.500v7.500M4.800 7.200L8 10.400l3.200-3.200M2.500 13.500h11',
  star: 'M8 2.300l1.750 3.550 3.900.570-2.820 2.750.670 3.880L8 11.220l-3.500 1.830.670-3.880L2.350 6.420l3.900-.570z',
  close: 'M4 4l8 8M12 4l-8 8',
  theme: 'M8 13.5a5.5 5.5 0 1 0 0-11zM8 2.5a5.5 5.5 0 0 0 0 11z',
  person: 'M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8zM3 13.6c.5-2.4 2.5-3.7 5-3.7s4.500 1.300 5 3.700',
  controls: 'M2.500 4.500h5M11.500 4.500h2M9.500 2.800v3.400M2.500 11.500h2M8.500 11.500h5M6.500 9.800v3.400',
  histogram: 'M3.500 13V9M8 13V3M12.500 13V6.500',
  rail: 'M2.500 4h11M2.500 8h11M2.500 12h11',
  fold: 'M2.500 3.500h11v9h-11zM6.200 3.500v9',
  down: 'M4.500 6.500L8 10l3.500-3.500',
  columns: 'M2.500 3.500h11v9h-11zM6.200 3.500v9M9.800 3.500v9',
  copy: 'M6 5.500h6.500v7H6zM4 10.500H3.500v-7h6.500V4',
  link: 'M7 9a2.500 2.500 0 0 0 3.600 0l2-2a2.500 2.500 0 0 0-3.600-3.600l-.800.800M9 7a2.500 2.500 0 0 0-3.600 0l-2 2A2.500 2.500 0 0 0 7 12.600l.800-.800',
  wrap: 'M2.500 4h11M2.500 8h8.500a2 2 0 0 1 0 4H8.500M10 10.300L8.300 12 10 13.700M2.500 12h3',
};

/** @param {string} name */
export function icon(name) {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(ns, 'path');
  path.setAttribute('d', paths[name]);
  svg.append(path);
  return svg;
}

/**
 * Puts text on the clipboard; without a secure context by way of a selection.
 * @param {string} text
 */
export async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = h('textarea', { class: 'offscreen' });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}
