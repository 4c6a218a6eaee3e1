// Runs before first paint, so that a dark page never flashes white.
(function () {
  var kept = null;
  try { kept = localStorage.getItem("shopkeeper.theme"); } catch (_) { kept = null; }
  var dark = kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
