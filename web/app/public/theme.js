// Before the first paint: the theme and the language that were chosen on this device.
(function () {
  var root = document.documentElement;
  var kept = function (name) {
    try {
      return localStorage.getItem('relais.' + name);
    } catch {
      return null;
    }
  };
  var theme = kept('theme');
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  var language = kept('language') || (/^fr\b/i.test(navigator.language) ? 'fr' : 'en');
  root.lang = language === 'en' ? 'en' : 'fr';
})();
