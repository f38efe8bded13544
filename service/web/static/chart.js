// Draws the chart of cost per day from the table behind it: the table is what is true, a bar's
// height is a double, and what a tooltip says is the table's own text.

const drawn = new Map();

export function drawCharts(root) {
  if (typeof window.Chart === "undefined") {
    for (const table of root.querySelectorAll(".behind")) {
      table.classList.add("open"); // The library did not load: the numbers are shown instead.
    }
    return;
  }
  for (const box of root.querySelectorAll("[data-chart-of]")) {
    const key = box.dataset.chartOf;
    const data = read(root.querySelector(`[data-days="${key}"]`));
    const known = drawn.get(key);
    if (known !== undefined && known.box === box) {
      update(known.chart, data);
    } else {
      known?.chart.destroy();
      drawn.set(key, { box, chart: create(box, data) });
    }
  }
}

function read(table) {
  const heads = [...table.tHead.querySelectorAll("[data-series]")];
  const rows = [...table.tBodies[0].rows].reverse();
  const texts = heads.map((_, at) => rows.map((row) => row.querySelectorAll(".cell")[at].textContent));
  return {
    labels: rows.map((row) => row.cells[0].textContent.trim()),
    totals: rows.map((row) => row.cells[1].textContent.trim()),
    datasets: heads.map((head, at) => ({
      label: head.textContent,
      texts: texts[at],
      data: rows.map((row) => Number(row.querySelectorAll(".cell data")[at].value)),
      backgroundColor: colour(`--s${head.dataset.series}`),
      maxBarThickness: 28,
    })),
  };
}

function create(box, data) {
  const canvas = document.createElement("canvas");
  box.replaceChildren(canvas);
  return new window.Chart(canvas, { type: "bar", data, options: options() });
}

function update(chart, data) {
  chart.data.labels = data.labels;
  chart.data.totals = data.totals;
  chart.data.datasets = data.datasets;
  chart.options = options();
  chart.update("none");
}

function options() {
  const text = colour("--soft");
  const line = colour("--line-soft");
  const font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: { stacked: true, grid: { display: false }, border: { color: line }, ticks: { color: text, font, maxRotation: 0, autoSkipPadding: 16 } },
      y: { stacked: true, beginAtZero: true, grid: { color: line }, border: { display: false }, ticks: { color: text, font, maxTicksLimit: 6, callback: dollars } },
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        backgroundColor: colour("--bar"),
        borderColor: colour("--line"),
        borderWidth: 1,
        padding: 10,
        itemSort: (one, other) => other.raw - one.raw,
        filter: (item) => item.raw > 0,
        callbacks: {
          label: (item) => ` ${item.dataset.label}: ${item.dataset.texts[item.dataIndex]}`,
          footer: (items) => (items.length ? `Total: ${items[0].chart.data.totals[items[0].dataIndex]}` : ""),
        },
      },
    },
  };
}

function dollars(value) {
  return new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumSignificantDigits: 3, minimumFractionDigits: 0 }).format(value);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
