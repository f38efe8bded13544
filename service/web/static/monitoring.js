// The operations page: charts, what can be folded, and refreshing without a flicker.

import { drawCharts } from "./chart.js";
import { Refresher } from "./refresh.js";

const content = document.getElementById("content");
const draw = () => drawCharts(content);

content.addEventListener("click", (event) => {
  const link = event.target.closest("[data-chart]");
  if (link !== null && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    show(link.dataset.chart);
  }
  const button = event.target.closest(".show-table");
  if (button !== null) {
    fold(button);
  }
});

function show(key) {
  const address = new URL(window.location.href);
  address.searchParams.set("by", key);
  history.replaceState(null, "", address);
  for (const link of content.querySelectorAll("[data-chart]")) {
    link.toggleAttribute("aria-current", false);
    if (link.dataset.chart === key) {
      link.setAttribute("aria-current", "true");
    }
  }
  for (const form of content.querySelectorAll(".chart-form")) {
    form.hidden = form.id !== `chart-${key}`;
  }
}

function fold(button) {
  const table = document.getElementById(button.getAttribute("aria-controls"));
  const open = table.classList.toggle("open");
  button.setAttribute("aria-expanded", String(open));
}

draw();
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
new Refresher(Number(document.body.dataset.refreshSeconds), draw).start();
