// Runs before the first paint, so that the theme does not flash, and again when
// the choice or what the system asks for changes.
(() => {
  const more = matchMedia('(prefers-contrast: more)');
  const show = () => {
    const kept = localStorage.getItem('theme') ?? '';
    const chosen = ['light', 'dark', 'contrast'].includes(kept) ? kept : '';
    const theme = chosen || (more.matches ? 'contrast' : '');
    if (theme === '') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  more.addEventListener('change', show);
  addEventListener('theme', show);
  show();
})();
// All modules at once, instead of one import after the other; behind the first
// paint, which would wait for them.
requestAnimationFrame(() => setTimeout(() => {
  const modules = /** @type {HTMLTemplateElement | null} */ (document.getElementById('modules'));
  if (modules) document.head.append(modules.content);
}));
