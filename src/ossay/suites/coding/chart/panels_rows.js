const unit = 4.2;
const colour = (id) => COLOURS[models.indexOf(id)];
for (const bar of bars) {
  const [left, top] = [150 + 640 * bar.b, 100 + 90 * bar.place];
  mark(put(left, top, unit * bar.value, 60, colour(bar.id)), bar);
  write(left + unit * bar.value + 8, top + 30, worth(bar));
  write(left - 8, top + 30, bar.name, "end");
}
DATA.benchmarks.forEach((benchmark, b) => write(150 + 640 * b, 60, benchmark.title, "start", 20));
