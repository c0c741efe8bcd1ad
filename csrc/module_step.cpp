#include "module_step.h"

#include <algorithm>

namespace ossay {

PyStep::PyStep(const In& positions, const In& starts, const In& full, const In& sliding, const In& cos,
               const In& sin)
    : arrays_{positions, starts, full, sliding, cos, sin} {
  const auto n = static_cast<int64_t>(positions.size()), s = static_cast<int64_t>(starts.size()) - 1;
  if (n < 1 || s < 1) refuse("a step without tokens");
  step_.tokens = static_cast<size_t>(n);
  step_.sequences = static_cast<size_t>(s);
  step_.positions = read<int32_t>(positions, "positions", {n});
  step_.starts = read<int32_t>(starts, "starts", {s + 1});
  tables_[0] = read<int32_t>(full, "full_blocks", {s, kAny});
  tables_[1] = read<int32_t>(sliding, "sliding_blocks", {s, kAny});
  widths_[0] = full.shape(1);
  widths_[1] = sliding.shape(1);
  step_.cos = read<float>(cos, "cos", {n, kAny});
  step_.sin = read<float>(sin, "sin", {n, static_cast<int64_t>(cos.shape(1))});
  half_ = cos.shape(1);
  check_order();
}

const Step& PyStep::of(size_t window, size_t depth, size_t cache_blocks) {
  const bool sliding = window > 0;
  if (half_ != depth / 2) refuse("cos and sin are not of this model's head_dim");
  step_.table = tables_[sliding];
  step_.table_width = widths_[sliding];
  const Checked now{cache_blocks, window};
  if (checked_[sliding] != now) check_table(sliding, window, cache_blocks);
  checked_[sliding] = now;
  return step_;
}

void PyStep::check_order() const {
  const int32_t* starts = step_.starts;
  if (starts[0] != 0 || starts[step_.sequences] != static_cast<int32_t>(step_.tokens))
    refuse("starts do not begin at 0 and end at the number of tokens");
  for (size_t s = 0; s < step_.sequences; ++s) {
    if (starts[s + 1] <= starts[s]) refuse("starts do not ascend");
    if (step_.positions[starts[s]] < 0) refuse("a position below 0");
    for (int32_t i = starts[s] + 1; i < starts[s + 1]; ++i)
      if (step_.positions[i] != step_.positions[i - 1] + 1) refuse("positions do not count up by one");
  }
}

void PyStep::check_table(bool sliding, size_t window, size_t cache_blocks) const {
  const char* name = sliding ? "sliding_blocks" : "full_blocks";
  for (size_t s = 0; s < step_.sequences; ++s) {
    const int64_t first = step_.positions[step_.starts[s]], last = step_.positions[step_.starts[s + 1] - 1];
    const int64_t seen = window ? std::max<int64_t>(0, first - static_cast<int64_t>(window) + 1) : 0;
    constexpr int64_t kBlock = isa::kPositions;
    if (last / kBlock >= static_cast<int64_t>(step_.table_width))
      refuse(std::string(name) + " is too short for position " + std::to_string(last));
    for (int64_t b = seen / kBlock; b <= last / kBlock; ++b) {
      const int32_t block = step_.table[s * step_.table_width + b];
      if (block < 0 || block >= static_cast<int64_t>(cache_blocks))
        refuse(std::string(name) + " names block " + std::to_string(block) + " of a cache of " +
               std::to_string(cache_blocks));
    }
  }
}

}  // namespace ossay
