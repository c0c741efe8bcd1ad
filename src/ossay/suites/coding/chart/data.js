const COLOURS = ["#2f6fde", "#e07b00", "#1d8f4e", "#c03a5b", "#7a4fc9", "#8a6d1f", "#0f8c99", "#b04fb0"];
const percent = (row, benchmark) => ((row.result - benchmark.from) / (benchmark.to - benchmark.from)) * 100;
const friendly = (id) => id.split("-").slice(0, -1).map((word) => word[0].toUpperCase() + word.slice(1)).join(" ");
const bars = DATA.benchmarks.flatMap((benchmark, b) =>
  DATA.results
    .filter((row) => row.benchmark === benchmark.id && row.result !== null)
    .map((row) => ({ id: row.model, name: friendly(row.model), b, benchmark, value: percent(row, benchmark) })),
);
const models = [...new Set(bars.map((bar) => bar.id))].sort();
for (const [b] of DATA.benchmarks.entries()) {
  const own = bars.filter((bar) => bar.b === b).sort((one, other) => other.value - one.value);
  own.forEach((bar, place) => { bar.place = place; bar.top = place < 3; });
}
function mark(element, bar) {
  element.setAttribute("data-model", bar.id);
  element.setAttribute("data-benchmark", bar.benchmark.id);
}
const worth = (bar) => (bar.top ? bar.value.toFixed(1) : "");
