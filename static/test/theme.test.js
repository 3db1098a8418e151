import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const css = readFileSync(new URL('../css/theme.css', import.meta.url), 'utf8');

const [usual, strong] = css.split(':root[data-theme="contrast"]');

/**
 * @param {string} text
 * @returns {Record<string, string[]>} name → [light, dark]
 */
function read(text) {
  return Object.fromEntries([...text.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [name, [light, dark]]));
}

/** Relative luminance, WCAG 2.1. */
function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

/**
 * @param {Record<string, string[]>} colours
 * @param {number} least
 */
function check(colours, least) {
  const texts = ['text', 'quiet', 'accent', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];
  const grounds = ['bg', 'panel', 'raised', 'hover', 'accent-soft', 'err-tint'];
  for (const theme of [0, 1]) {
    for (const text of texts) {
      for (const ground of grounds) {
        const ratio = contrast(colours[text][theme], colours[ground][theme]);
        assert.ok(ratio >= least, `${text} on ${ground} in the ${['light', 'dark'][theme]} theme: ${ratio.toFixed(2)}`);
      }
    }
    for (const fill of ['accent-fill', 'err-fill']) {
      const ratio = contrast('#ffffff', colours[fill][theme]);
      assert.ok(ratio >= least, `white on ${fill} in the ${['light', 'dark'][theme]} theme: ${ratio.toFixed(2)}`);
    }
  }
}

test('text has a contrast of 4.5 on every ground it stands on', () => check(read(usual), 4.5));

test('with high contrast it has 7', () => check(read(strong), 7));
