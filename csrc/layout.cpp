#include "layout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "isa/isa.h"
#include "memory.h"

namespace ossay {

namespace {

using isa::kBlock;
using isa::kLanes;

float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

uint16_t nearest_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// The bf16 scale with which codes -128 to 127 reach furthest: it carries the sign that puts the largest
// value at -128, which makes the step 1/128 finer than -127 to 127 would.
uint16_t q8_scale(const float* values) {
  float low = 0, high = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
  }
  const float upright = std::max(-low / 128, high / 127);
  const float turned = std::max(high / 128, -low / 127);
  return nearest_bf16(upright <= turned ? upright : -turned);
}

void quantize_block(const uint16_t* weights, uint8_t* codes, uint16_t* scale) {
  float values[kBlock];
  for (size_t i = 0; i < kBlock; ++i) values[i] = from_bf16(weights[i]);
  *scale = q8_scale(values);
  const float step = from_bf16(*scale);
  const float inverse = std::fabs(step) >= 0x1p-126f ? 1 / step : 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const float code = std::clamp(std::nearbyint(values[i] * inverse), -128.0f, 127.0f);
    codes[i] = static_cast<uint8_t>(static_cast<int>(code) + 128);
  }
}

}  // namespace

size_t group_bytes_bf16(size_t blocks) { return blocks * kBlock * kLanes * 2; }

size_t group_bytes_mxfp4(size_t blocks) {
  return round_up(blocks * (kBlock / 2 + 1) * kLanes, kCacheLine);
}

size_t group_bytes_q8(size_t blocks) { return round_up(blocks * (kBlock + 2) * kLanes, kCacheLine); }

void lay_out_bf16(const uint16_t* weights, size_t rows, size_t blocks, uint8_t* group) {
  const size_t columns = blocks * kBlock;
  for (size_t c = 0; c < columns; c += 2)
    for (size_t r = 0; r < kLanes; ++r, group += 4)
      if (r < rows)
        std::memcpy(group, weights + r * columns + c, 4);
      else
        std::memset(group, 0, 4);
}

void lay_out_q8(const uint16_t* weights, size_t rows, size_t blocks, uint8_t* group) {
  uint8_t* scales = group + blocks * kBlock * kLanes;
  for (size_t b = 0; b < blocks; ++b, group += kBlock * kLanes, scales += 2 * kLanes)
    for (size_t r = 0; r < kLanes; ++r) {
      uint8_t codes[kBlock];
      uint16_t scale = 0;
      std::memset(codes, 128, kBlock);
      if (r < rows) quantize_block(weights + (r * blocks + b) * kBlock, codes, &scale);
      for (size_t i = 0; i < kBlock; ++i)
        group[(i / 4 * kLanes + r) * 4 + i % 4] = codes[i / 8 * 8 + i % 4 * 2 + i % 8 / 4];
      std::memcpy(scales + 2 * r, &scale, 2);
    }
}

void lay_out_mxfp4(const uint8_t* codes, const uint8_t* scales, size_t rows, size_t blocks, bool flush,
                   uint8_t* group) {
  uint8_t* laid_scales = group + blocks * kBlock / 2 * kLanes;
  for (size_t b = 0; b < blocks; ++b)
    for (size_t r = 0; r < kLanes; ++r) {
      const int scale = r < rows ? scales[r * blocks + b] : 127;
      const bool empty = r >= rows || (flush && scale < 127 - 60);
      for (size_t step = 0; step < 4; ++step) {
        uint8_t* to = group + ((b * 4 + step) * kLanes + r) * 4;
        if (empty)
          std::memset(to, 0, 4);
        else
          std::memcpy(to, codes + ((r * blocks + b) * 4 + step) * 4, 4);
      }
      const int kept = flush ? std::clamp(scale, 127 - 60, 127 + 60) : scale;
      laid_scales[b * kLanes + r] = static_cast<uint8_t>(kept - 128);
    }
}

}  // namespace ossay
