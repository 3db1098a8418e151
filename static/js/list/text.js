// Text from strangers, cut into pieces that can be shown: colours as classes,
// control characters as symbols, addresses as links.

/**
 * @typedef {object} Piece
 * @property {string} text
 * @property {string} [className]
 * @property {string} [href] http or https only
 */

// CSI sequence | OSC sequence | another control | a mark that turns the
// direction of the text | an address.
const special = new RegExp([
  /\x1b\[([0-9;:]*)m/,
  /[\x00-\x08\x0b-\x1f\x7f-\x9f]/,
  /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/,
  /https?:\/\/[^\s\x00-\x1f\x7f"'<>`\\^{|}\u2000-\u200f\u2028-\u202f\u2060-\u206f]+/,
].map((re) => `(?:${re.source})`).join('|'), 'giu');

/** The names of the marks that turn the direction of the text. */
const bidiNames = /** @type {Record<string, string>} */ ({
  '\u061c': 'ALM', '\u200e': 'LRM', '\u200f': 'RLM', '\u202a': 'LRE', '\u202b': 'RLE', '\u202c': 'PDF',
  '\u202d': 'LRO', '\u202e': 'RLO', '\u2066': 'LRI', '\u2067': 'RLI', '\u2068': 'FSI', '\u2069': 'PDI',
  '\ufeff': 'BOM',
});

/**
 * Cuts a message into pieces; their texts may be put into text nodes as they
 * are. Tabs and line feeds stay.
 * @param {string} text
 * @returns {Piece[]}
 */
export function pieces(text) {
  /** @type {Piece[]} */
  const out = [];
  let style = plain;
  let end = 0;
  /** @param {Piece} piece */
  const push = (piece) => {
    if (piece.text !== '') out.push(piece);
  };
  for (const match of text.matchAll(special)) {
    push(styled(text.slice(end, match.index), style));
    end = match.index + match[0].length;
    const found = match[0];
    if (match[1] !== undefined) {
      style = nextStyle(style, match[1]);
    } else if (/^http/i.test(found)) {
      const href = found.replace(/[.,;:!?)\]]+$/, '');
      push({ ...styled(href, style), href });
      end -= found.length - href.length;
    } else if (found === '\r' && text[end] === '\n') {
      continue;
    } else {
      push({ text: symbol(found), className: 'control' });
    }
  }
  push(styled(text.slice(end), style));
  return out;
}

/**
 * The message on one line, cut where no screen is wide enough.
 * @param {string} message
 * @param {number} max in UTF-16 units
 */
export function oneLine(message, max) {
  let text = message.length > max ? cut(message, max) + ' …' : message;
  text = text.replace(/\s+$/, '');
  return text.replace(/\r?\n/g, ' ⏎ ').replace(/\t/g, '  ');
}

/** nginx's time, level, pid and tid, as its error log begins every line. */
const NginxPrologue = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[\w*\] \d+#\d+: /;

/**
 * The message without what the row's other columns and the details say.
 * @param {string} message
 */
export function withoutPrologue(message) {
  return message.replace(NginxPrologue, '');
}

/**
 * The message as it can be pasted: without colours.
 * @param {string} message
 */
export function withoutColour(message) {
  return message.replace(/\x1b\[[0-9;:]*m/g, '');
}

/**
 * @param {string} text
 * @param {number} max
 */
function cut(text, max) {
  const code = text.charCodeAt(max - 1);
  // Never between the halves of a surrogate pair.
  return text.slice(0, code >= 0xd800 && code <= 0xdbff ? max - 1 : max);
}

/** @param {string} character */
function symbol(character) {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `⟨${bidiNames[character] ?? 'U+' + code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** @typedef {{fg: number, bg: number, bold: boolean, faint: boolean, italic: boolean, underline: boolean}} Style */

/** @type {Style} */
const plain = { fg: -1, bg: -1, bold: false, faint: false, italic: false, underline: false };

/**
 * @param {string} text
 * @param {Style} style
 * @returns {Piece}
 */
function styled(text, style) {
  if (style === plain) return { text };
  const names = [];
  if (style.fg >= 0) names.push(`fg-${style.fg}`);
  if (style.bg >= 0) names.push(`bg-${style.bg}`);
  for (const name of /** @type {const} */ (['bold', 'faint', 'italic', 'underline'])) {
    if (style[name]) names.push(`sgr-${name}`);
  }
  return names.length === 0 ? { text } : { text, className: names.join(' ') };
}

/**
 * Applies one SGR sequence, ECMA-48, section 8.3.117.
 * @param {Style} style
 * @param {string} parameters
 * @returns {Style}
 */
function nextStyle(style, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  let next = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 38 || code === 48) {
      // 256 colours and true colour: keep the 16 that a theme can tune.
      const colour = codes[i + 1] === 5 ? codes[i + 2] : -1;
      if (code === 38) next.fg = colour < 16 ? colour : -1;
      else next.bg = colour < 8 ? colour : -1;
      i += codes[i + 1] === 5 ? 2 : 4;
    } else {
      next = withCode(next, code);
    }
  }
  return next;
}

/**
 * @param {Style} style
 * @param {number} code
 * @returns {Style}
 */
function withCode(style, code) {
  if (code === 0) return { ...plain };
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, faint: true };
  if (code === 3) return { ...style, italic: true };
  if (code === 4) return { ...style, underline: true };
  if (code === 22) return { ...style, bold: false, faint: false };
  if (code === 23) return { ...style, italic: false };
  if (code === 24) return { ...style, underline: false };
  if (code >= 30 && code <= 37) return { ...style, fg: code - 30 };
  if (code === 39) return { ...style, fg: -1 };
  if (code >= 40 && code <= 47) return { ...style, bg: code - 40 };
  if (code === 49) return { ...style, bg: -1 };
  if (code >= 90 && code <= 97) return { ...style, fg: code - 90 + 8 };
  return style;
}
