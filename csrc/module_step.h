// A Step of Python's arrays, looked at before it is used.
#pragma once

#include <optional>

#include "attention.h"
#include "module.h"

namespace ossay {

// Holds on to its arrays, with a block table for each kind of layer.
class PyStep {
 public:
  PyStep(const In& positions, const In& starts, const In& full, const In& sliding, const In& cos,
         const In& sin);

  size_t tokens() const { return step_.tokens; }

  // The step as a layer of one kind sees it, window 0 being the kind that sees everything; raises where
  // a position that it looks at is not in the cache, or cos and sin are of another head_dim.
  const Step& of(size_t window, size_t depth, size_t cache_blocks);

 private:
  struct Checked {
    size_t cache_blocks, window;
    bool operator==(const Checked&) const = default;
  };

  void check_order() const;
  void check_table(bool sliding, size_t window, size_t cache_blocks) const;

  In arrays_[6];
  Step step_{};
  const int32_t* tables_[2];
  size_t widths_[2], half_;
  std::optional<Checked> checked_[2];  // what each table was held against last
};

}  // namespace ossay
