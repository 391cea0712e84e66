// A plot tells the day under the pointer: the row of its table.
(() => {
  "use strict";
  const nearest = (places, at) => places.reduce((best, place, n) => (Math.abs(place - at) < Math.abs(places[best] - at) ? n : best), 0);
  for (const plot of document.querySelectorAll("[data-plot]")) {
    const svg = plot.querySelector("svg");
    const here = svg.querySelector(".here");
    const told = plot.querySelector("output");
    const rows = plot.querySelectorAll("tbody tr");
    const places = svg.dataset.at.split(" ").map(Number);
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const n = nearest(places, ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width);
      told.textContent = [...rows[n].cells].map((cell) => cell.textContent).join(": ");
      for (const end of ["x1", "x2"]) here.setAttribute(end, places[n]);
      plot.toggleAttribute("data-here", true);
    });
    svg.addEventListener("pointerleave", () => {
      told.textContent = "";
      plot.toggleAttribute("data-here", false);
    });
  }
})();
