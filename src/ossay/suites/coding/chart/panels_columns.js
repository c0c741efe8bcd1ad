const unit = 5.6;
const colour = (id) => COLOURS[models.indexOf(id)];
for (const bar of bars) {
  const left = 40 + 630 * bar.b + 72 * bar.place;
  mark(put(left, 720 - unit * bar.value, 52, unit * bar.value, colour(bar.id)), bar);
  write(left + 26, 708 - unit * bar.value, worth(bar), "middle");
  bar.name.split(" ").forEach((word, line) => write(left + 26, 738 + 20 * line, word, "middle"));
}
DATA.benchmarks.forEach((benchmark, b) => write(40 + 630 * b, 60, benchmark.title, "start", 20));
