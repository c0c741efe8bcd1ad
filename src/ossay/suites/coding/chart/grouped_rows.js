const unit = 9.4;
const groups = models.sort((one, other) => first(other) - first(one));
function first(id) { return bars.find((bar) => bar.b === 0 && bar.id === id).value; }
DATA.benchmarks.forEach((benchmark, b) => {
  put(200 + 240 * b, 22, 16, 16, COLOURS[b]);
  write(224 + 240 * b, 30, benchmark.title);
});
for (let tick = 0; tick <= 100; tick += 20) write(200 + unit * tick, 870, tick, "middle");
groups.forEach((id, at) => {
  const top = 60 + at * 98;
  for (const bar of bars.filter((one) => one.id === id)) {
    const y = top + 40 * bar.b;
    mark(put(200, y, unit * bar.value, 34, COLOURS[bar.b]), bar);
    write(208 + unit * bar.value, y + 17, worth(bar));
  }
  write(190, top + 36, friendly(id), "end");
});
