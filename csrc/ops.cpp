#include "ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "linear.h"

namespace ossay {

namespace {

const isa::VectorSet* named(const char* name) {
  for (const isa::VectorSet* set : {isa::vector_avx512vnni(), isa::vector_avx2()})
    if (set && std::strcmp(set->name, name) == 0) return set;
  return isa::vector_portable();
}

}  // namespace

const isa::VectorSet& vectors() {
  thread_local const char* name = nullptr;
  thread_local const isa::VectorSet* set = nullptr;
  if (const char* now = instruction_set(); now != name) {
    name = now;
    set = named(now);
  }
  return *set;
}

void rotate(const float* x, const float* cos, const float* sin, size_t half, float* out) {
  for (size_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[half + i];
    out[i] = a * cos[i] - b * sin[i];
    out[half + i] = b * cos[i] + a * sin[i];
  }
}

void choose(const float* logits, size_t n, size_t k, int32_t* chosen, float* weights) {
  for (size_t i = 0; i < k; ++i) {
    int32_t best = -1;
    for (size_t e = 0; e < n; ++e) {
      const auto index = static_cast<int32_t>(e);
      if (std::find(chosen, chosen + i, index) != chosen + i) continue;
      if (best < 0 || logits[e] > logits[best]) best = index;
    }
    chosen[i] = best;
  }
  float total = 0;
  for (size_t i = 0; i < k; ++i) total += weights[i] = std::exp(logits[chosen[i]] - logits[chosen[0]]);
  for (size_t i = 0; i < k; ++i) weights[i] /= total;
}

}  // namespace ossay
