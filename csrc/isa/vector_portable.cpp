// Flags: -O3 only. Plain C++ that runs anywhere.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "vector.h"

namespace ossay::isa {
namespace {

constexpr size_t kWidth = 4;
constexpr size_t kRows = 2;
constexpr size_t kChains = 12;  // sums at once: more than a multiply-add takes to finish

// Half precision has 5 bits of exponent and 10 of fraction; below 2^-14 it counts in units of 2^-24.
void from_half(const uint16_t* x, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) {
    const uint32_t sign = uint32_t{x[i]} >> 15 << 31, rest = x[i] & 0x7FFFu;
    float size = static_cast<float>(rest & 0x3FFu) * 0x1p-24f;
    uint32_t bits = (rest << 13) + ((rest >= 0x7C00u ? 255u - 31u : 127u - 15u) << 23);
    if (rest < 0x400u) std::memcpy(&bits, &size, sizeof bits);
    bits |= sign;
    std::memcpy(out + i, &bits, sizeof bits);
  }
}

void to_half(const float* x, size_t n, uint16_t* out) {
  for (size_t i = 0; i < n; ++i) {
    uint32_t bits;
    std::memcpy(&bits, x + i, sizeof bits);
    const uint32_t sign = bits >> 31 << 15, rest = bits & 0x7FFFFFFFu;
    uint32_t half;
    if (rest > 0x7F800000u) {
      half = 0x7E00u;  // NaN
    } else if (rest >= 0x477FF000u) {
      half = 0x7C00u;  // rounds beyond 65504
    } else if (rest >= 0x38800000u) {
      half = (rest - (112u << 23) + 0xFFFu + (rest >> 13 & 1u)) >> 13;
    } else {  // adding 0.5 leaves units of 2^-24
      float size;
      std::memcpy(&size, &rest, sizeof size);
      size += 0.5f;
      std::memcpy(&half, &size, sizeof half);
      half -= 0x3F000000u;
    }
    out[i] = static_cast<uint16_t>(sign | half);
  }
}

double int8_rounds(size_t rounds) {
  typedef int16_t Ints __attribute__((vector_size(16)));
  Ints sums[kChains] = {};
  for (size_t round = 0; round < rounds; ++round)
    for (Ints& sum : sums) sum = sum * 5 + 1;
  int all_of = 1;
  for (const Ints& sum : sums) all_of |= sum[0];
  return all_of * 0.0 + 2.0 * 8 * kChains * static_cast<double>(rounds);
}

}  // namespace
}  // namespace ossay::isa

#include "vector_body.h"

namespace ossay::isa {

const VectorSet* vector_portable() {
  static constexpr VectorSet set{"portable",  attend,    rms_norm,    swiglu,      add_scaled,
                                 to_half, from_half, fp32_rounds, int8_rounds, look};
  return &set;
}

}  // namespace ossay::isa
