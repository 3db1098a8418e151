// The columns of the list, how a row is wrapped, and both in the address.

/** Every column, in the order in which they stand. The message is always there. */
export const columns = /** @type {const} */ (['time', 'severity', 'instance', 'host', 'app', 'pid', 'message']);

/** What somebody sees who has chosen nothing. @type {Column[]} */
export const usual = ['time', 'severity', 'instance', 'message'];

/** Off, two lines, all of it. */
export const wraps = /** @type {const} */ (['', 'two', 'all']);

/**
 * The columns that a list of names means, in their order; the usual ones if it
 * names none.
 * @param {string} names separated by commas
 * @returns {Column[]}
 */
export function readColumns(names) {
  const wanted = names.split(',').map((name) => (name === 'sev' ? 'severity' : name === 'msg' ? 'message' : name));
  const found = columns.filter((column) => wanted.includes(column));
  return found.length === 0 ? usual : [...new Set([...found, /** @type {const} */ ('message')])];
}

/**
 * @param {string | null} text
 * @returns {Wrap}
 */
export function readWrap(text) {
  // 1 is what the page wrote before there was a choice.
  if (text === 'two' || text === '1') return 'two';
  return text === 'all' ? 'all' : '';
}

/**
 * What an address says of how the list looks.
 * @param {string} search
 * @returns {Partial<Pick<State, 'columns' | 'wrap'>>}
 */
export function readView(search) {
  const params = new URLSearchParams(search);
  const cols = params.get('cols');
  const wrap = params.get('wrap');
  return { ...(cols !== null && { columns: readColumns(cols) }), ...(wrap !== null && { wrap: readWrap(wrap) }) };
}

/**
 * The inverse of readView: nothing for what is usual.
 * @param {URLSearchParams} params
 * @param {{columns?: Column[], wrap?: Wrap}} view
 */
export function writeView(params, { columns: shown = usual, wrap = '' }) {
  if (String(shown) !== String(usual)) params.set('cols', shown.join(','));
  if (wrap !== '') params.set('wrap', wrap);
}

/**
 * The style of a grid with these columns; css/list.css has their widths.
 * @param {Column[]} shown
 */
export function template(shown) {
  return shown.map((column) => (column === 'message' ? 'minmax(0, 1fr)' : `var(--w-${column})`)).join(' ');
}
