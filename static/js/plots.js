// A plot tells the day under the pointer: the row of its table.
(() => {
  "use strict";
  const nearest = (places, at) =>
    places.reduce((best, place, n) => (Math.abs(place - at) < Math.abs(places[best] - at) ? n : best), 0);
  function tell(plot, svg, x) {
    const box = svg.getBoundingClientRect();
    const places = svg.dataset.at.split(" ").map(Number);
    const n = nearest(places, ((x - box.left) / box.width) * svg.viewBox.baseVal.width);
    const cells = [...plot.querySelectorAll("tbody tr")[n].cells];
    plot.querySelector("output").textContent = cells.map((cell) => cell.textContent).join(": ");
    for (const end of ["x1", "x2"]) svg.querySelector(".here").setAttribute(end, places[n]);
  }
  document.addEventListener("pointermove", (event) => {
    const svg = event.target.closest?.("svg.plot");
    for (const plot of document.querySelectorAll("[data-plot]")) {
      const here = svg !== null && plot.contains(svg);
      plot.toggleAttribute("data-here", here);
      if (here) tell(plot, svg, event.clientX);
      else plot.querySelector("output").textContent = "";
    }
  });
})();
