// Flags: -O3 only. Plain C++ that runs anywhere; the other instruction sets are tested against it.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "isa.h"

namespace ossay::isa {
namespace {

constexpr float kHalves[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};  // 2 * fp4

float half_power(int8_t scale) {  // 2^(e8m0 - 128): the other half of kHalves
  return std::ldexp(1.0f, scale);
}

float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// Each of the four: sums[r] = x . w[r] over one block, for the 16 rows of a group.

struct Bf16 {
  using X = float;
  static void block(const uint8_t* group, size_t, size_t b, const X* x, float* sums) {
    const uint8_t* codes = group + b * kBlock * kLanes * 2;
    for (size_t c = 0; c < kBlock; ++c)
      for (size_t r = 0; r < kLanes; ++r) {
        uint16_t bits;
        std::memcpy(&bits, codes + ((c / 2 * kLanes + r) * 2 + c % 2) * 2, 2);
        sums[r] += x[b * kBlock + c] * from_bf16(bits);
      }
  }
};

struct Mxfp4Exact {
  using X = float;
  static void block(const uint8_t* group, size_t blocks, size_t b, const X* x, float* sums) {
    const uint8_t* codes = group + b * kBlock * kLanes / 2;
    const auto* scales = reinterpret_cast<const int8_t*>(group + blocks * kBlock * kLanes / 2) + b * kLanes;
    for (size_t c = 0; c < kBlock; ++c)
      for (size_t r = 0; r < kLanes; ++r) {
        const int byte = codes[(c / 8 * kLanes + r) * 4 + c % 8 / 2];
        sums[r] += x[b * kBlock + c] * kHalves[c % 2 ? byte >> 4 : byte & 15];
      }
    for (size_t r = 0; r < kLanes; ++r) sums[r] *= half_power(scales[r]);
  }
};

struct Mxfp4Int8 {
  using X = QuantizedBlock;
  static void block(const uint8_t* group, size_t blocks, size_t b, const X* x, float* sums) {
    const uint8_t* codes = group + b * kBlock * kLanes / 2;
    const auto* scales = reinterpret_cast<const int8_t*>(group + blocks * kBlock * kLanes / 2) + b * kLanes;
    for (size_t r = 0; r < kLanes; ++r) {
      int sum = 0;
      for (size_t i = 0; i < kBlock; ++i) {  // i runs as x's codes do
        const int byte = codes[(i / 8 * kLanes + r) * 4 + i % 4];
        sum += x[b].codes[i] * static_cast<int>(kHalves[i % 8 < 4 ? byte & 15 : byte >> 4]);
      }
      sums[r] = static_cast<float>(sum) * (x[b].scale * half_power(scales[r]));
    }
  }
};

struct Q8 {
  using X = QuantizedBlock;
  static void block(const uint8_t* group, size_t blocks, size_t b, const X* x, float* sums) {
    const uint8_t* codes = group + b * kBlock * kLanes;
    const uint8_t* scales = group + (blocks * kBlock + b * 2) * kLanes;
    for (size_t r = 0; r < kLanes; ++r) {
      int sum = x[b].offset;
      for (size_t i = 0; i < kBlock; ++i)
        sum += x[b].codes[i] * codes[(i / 4 * kLanes + r) * 4 + i % 4];
      uint16_t scale;
      std::memcpy(&scale, scales + 2 * r, 2);
      sums[r] = static_cast<float>(sum) * (x[b].scale * from_bf16(scale));
    }
  }
};

template <class Weights>
void multiply(const Tile& tile) {
  for (size_t row = 0; row < tile.rows; row += kLanes)
    for (size_t t = 0; t < tile.tokens; ++t) {
      const uint8_t* group = tile.weights + row / kLanes * tile.group_bytes;
      const auto* x = static_cast<const typename Weights::X*>(tile.x[t]);
      float total[kLanes] = {};
      for (size_t b = 0; b < tile.blocks; ++b) {
        float sums[kLanes] = {};
        Weights::block(group, tile.blocks, b, x, sums);
        for (size_t r = 0; r < kLanes; ++r) total[r] += sums[r];
      }
      float* out = tile.out + t * tile.ld + row;
      for (size_t r = 0; r < std::min(kLanes, tile.rows - row); ++r) {
        const float y = total[r] + (tile.bias ? tile.bias[row + r] : 0.0f);
        out[r] = tile.add ? out[r] + y : y;
      }
    }
}

void quantize(const float* x, size_t blocks, QuantizedBlock* out) {
  for (size_t b = 0; b < blocks; ++b, x += kBlock) {
    float most = 0;
    for (size_t i = 0; i < kBlock; ++i) most = std::max(most, std::fabs(x[i]));
    const float scale = std::clamp(most / 127.0f, 0x1p-60f, 0x1p60f);
    const float inverse = 1.0f / scale;
    int sum = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      const size_t column = i / 8 * 8 + i % 4 * 2 + i % 8 / 4;
      const float code = std::nearbyint(x[column] * inverse);
      out[b].codes[i] = static_cast<int8_t>(std::clamp(code, -127.0f, 127.0f));
      sum += out[b].codes[i];
    }
    out[b].scale = scale;
    out[b].offset = -128 * sum;
  }
}

}  // namespace

const InstructionSet* portable() {
  static constexpr InstructionSet set{"portable",          multiply<Bf16>, multiply<Mxfp4Exact>,
                                      multiply<Mxfp4Int8>, multiply<Q8>,   quantize};
  return &set;
}

}  // namespace ossay::isa
