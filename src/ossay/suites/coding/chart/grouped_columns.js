const unit = 6.4;
const groups = models.sort((one, other) => first(other) - first(one));
function first(id) { return bars.find((bar) => bar.b === 0 && bar.id === id).value; }
DATA.benchmarks.forEach((benchmark, b) => {
  put(80 + 240 * b, 22, 16, 16, COLOURS[b]);
  write(104 + 240 * b, 30, benchmark.title);
});
for (let tick = 0; tick <= 100; tick += 20) write(60, 800 - unit * tick, tick, "end");
groups.forEach((id, at) => {
  const left = 80 + at * 145;
  for (const bar of bars.filter((one) => one.id === id)) {
    const x = left + 52 * bar.b;
    mark(put(x, 800 - unit * bar.value, 44, unit * bar.value, COLOURS[bar.b]), bar);
    write(x + 22, 788 - unit * bar.value, worth(bar), "middle");
  }
  write(left + 48, 820, friendly(id), "middle");
});
