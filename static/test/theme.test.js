import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const css = readFileSync(new URL('../css/theme.css', import.meta.url), 'utf8');

/** @type {Record<string, string[]>} name → [light, dark] */
const colours = {};
for (const [, name, light, dark] of css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)) colours[name] = [light, dark];

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

test('text has a contrast of 4.5 on every ground it stands on', () => {
  const texts = ['text', 'quiet', 'accent', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];
  const grounds = ['bg', 'panel', 'raised', 'hover', 'accent-soft', 'err-tint'];
  for (const theme of [0, 1]) {
    for (const text of texts) {
      for (const ground of grounds) {
        const ratio = contrast(colours[text][theme], colours[ground][theme]);
        assert.ok(ratio >= 4.5, `${text} on ${ground} in the ${['light', 'dark'][theme]} theme: ${ratio.toFixed(2)}`);
      }
    }
    for (const fill of ['accent-fill', 'err-fill']) {
      assert.ok(contrast('#ffffff', colours[fill][theme]) >= 4.5, `white on ${fill}: ${contrast('#ffffff', colours[fill][theme]).toFixed(2)}`);
    }
  }
});
