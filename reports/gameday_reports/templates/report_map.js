// The map of a report: the slider goes through the moments at which something changed.
(() => {
  "use strict";
  const data = document.getElementById("map-moments"), slider = document.getElementById("map-slider");
  if (!data || !slider) return;
  const moments = JSON.parse(data.textContent), place = document.getElementById("map");
  const out = document.getElementById("map-at");
  slider.closest(".slide").hidden = false;
  function show() {
    const marks = {};
    for (const moment of moments.slice(0, +slider.value + 1)) Object.assign(marks, moment.marks);
    applyMarks(place, marks);
    const moment = moments[slider.value];
    out.textContent = `${moment.t.toFixed(2)} s: ${moment.words}`;
    slider.setAttribute("aria-valuetext", out.textContent);
  }
  slider.addEventListener("input", show);
  show();
})();
