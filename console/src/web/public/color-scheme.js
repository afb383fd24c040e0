// Runs before the first paint so that a dark screen never flashes white. A file of its own, since the
// content security policy allows no inline script.
(() => {
  let chosen = 'auto';
  try {
    chosen = localStorage.getItem('yagura-color-scheme') ?? 'auto';
    document.documentElement.lang = localStorage.getItem('yagura-language') === 'en' ? 'en' : 'ja';
  } catch {
    // Storage may be forbidden; then the system's choice stands.
  }
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
})();
