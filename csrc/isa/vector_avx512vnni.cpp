// Flags: -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma -mf16c -mprefer-vector-width=512
#include "vector.h"

#if defined(__AVX512F__) && defined(__AVX512VNNI__)
#include <immintrin.h>

namespace ossay::isa {
namespace {

constexpr size_t kWidth = 16;
constexpr size_t kRows = 8;
constexpr size_t kChains = 12;  // sums at once: more than a multiply-add takes to finish

// n is a multiple of 16.
void from_half(const uint16_t* x, size_t n, float* out) {
  for (size_t i = 0; i < n; i += 16)
    _mm512_storeu_ps(out + i, _mm512_maskz_cvtph_ps(0xFFFF, _mm256_loadu_si256(
                                                                reinterpret_cast<const __m256i*>(x + i))));
}

void to_half(const float* x, size_t n, uint16_t* out) {
  for (size_t i = 0; i < n; i += 16) {
    const auto lanes = static_cast<__mmask16>(n - i < 16 ? (1u << (n - i)) - 1 : 0xFFFFu);
    const __m512 values = _mm512_maskz_loadu_ps(lanes, x + i);
    _mm256_mask_storeu_epi16(out + i, lanes, _mm512_maskz_cvtps_ph(0xFFFF, values, _MM_FROUND_TO_NEAREST_INT));
  }
}

double int8_rounds(size_t rounds) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums[kChains];
  for (__m512i& sum : sums) sum = ones;
  for (size_t round = 0; round < rounds; ++round)
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, ones, ones);
  __m512i all_of = ones;
  for (const __m512i& sum : sums) all_of = _mm512_or_si512(all_of, sum);
  return _mm512_test_epi32_mask(all_of, all_of) ? 2.0 * 64 * kChains * static_cast<double>(rounds) : 0;
}

}  // namespace
}  // namespace ossay::isa

#include "vector_body.h"

namespace ossay::isa {

const VectorSet* vector_avx512vnni() {
  static constexpr VectorSet set{"avx512vnni",  attend,    rms_norm,    swiglu,      add_scaled,
                                 to_half, from_half, fp32_rounds, int8_rounds, look};
  const bool runs = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("avx512vnni");
  return runs ? &set : nullptr;
}

}  // namespace ossay::isa

#else

namespace ossay::isa {

const VectorSet* vector_avx512vnni() { return nullptr; }

}  // namespace ossay::isa

#endif
