// What products reach, beside what this machine can do in the same seconds: GB/s against a plain read of
// memory, GOP/s against multiplications alone. Weights are random; time does not depend on them.
//
//   linear_bench [threads] [part of a case's name]
#include "linear.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "memory.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace ossay;

namespace {

double seconds(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Neighbours on the machine take time now and then; the best round is the one they left alone.
constexpr int kRounds = 15;

// Reads 128 MB with every thread: GB/s.
class Reader {
 public:
  Reader() : memory_(kBytes) { std::memset(memory_.data(), 1, kBytes); }

  double speed(Pool& pool) {
    const double time = seconds([&] {
      pool.run([&](Team& team) {
        team.each(kBytes, 1 << 20, [&](size_t begin, size_t end) { sum(begin, end); });
      });
    });
    return kBytes / time / 1e9;
  }

 private:
  static constexpr size_t kBytes = size_t{128} << 20;

  void sum(size_t begin, size_t end) {
    using Words = uint64_t __attribute__((vector_size(64)));
    const auto* words = reinterpret_cast<const Words*>(memory_.data() + begin);
    Words sums[4] = {};
    for (size_t i = 0; i < (end - begin) / sizeof(Words); i += 4)
      for (size_t j = 0; j < 4; ++j) sums[j] += words[i + j];
    const Words all = sums[0] + sums[1] + sums[2] + sums[3];
    if (all[0] == 42) std::abort();  // never: keeps the sum alive
  }

  Memory memory_;
};

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vnni"))) void multiply_int8(long rounds) {
  __m512i sums[12], a = _mm512_set1_epi32(0x01010101);
  for (auto& sum : sums) sum = a;
  for (long i = 0; i < rounds; ++i)
    for (auto& sum : sums) asm volatile("vpdpbusd %1, %1, %0" : "+v"(sum) : "v"(a));
}

__attribute__((target("avx512f"))) void multiply_float(long rounds) {
  __m512 sums[12], a = _mm512_set1_ps(0.5f);
  for (auto& sum : sums) sum = a;
  for (long i = 0; i < rounds; ++i)
    for (auto& sum : sums) asm volatile("vfmadd231ps %1, %1, %0" : "+v"(sum) : "v"(a));
}
#endif

// Multiplications and additions a second with nothing else to do, in 1e9; 0 where not known.
double peak(Pool& pool, Precision precision) {
#if defined(__x86_64__)
  if (std::strcmp(instruction_set(), "avx512vnni") == 0) {
    constexpr long kTimes = 200000;
    const auto f = precision == Precision::exact ? multiply_float : multiply_int8;
    const double each = 12.0 * kTimes * (precision == Precision::exact ? 32 : 128);
    return each * pool.size() / seconds([&] { pool.run([&](Team&) { f(kTimes); }); }) / 1e9;
  }
#endif
  (void)pool, (void)precision;
  return 0;
}

Linear random_linear(bool mxfp4, size_t matrices, size_t rows, size_t columns, Precision precision, Pool& pool) {
  std::mt19937_64 random(1);
  const size_t weights = matrices * rows * columns;
  std::vector<uint64_t> bits(weights * 2 / 8);
  for (uint64_t& word : bits) word = random() & 0xbfffbfffbfffbfff;  // bf16 below 2
  const auto* bytes = reinterpret_cast<const uint8_t*>(bits.data());
  if (!mxfp4)
    return Linear::from_bf16(reinterpret_cast<const uint16_t*>(bytes), matrices, rows, columns, precision, pool);
  const std::vector<uint8_t> scales(weights / 32, 120);
  return Linear::from_mxfp4(bytes, scales.data(), matrices, rows, columns, precision, pool);
}

struct Shape {
  const char* name;
  bool mxfp4;
  size_t matrices, rows, columns;
  size_t used;  // matrices of one step
};

class Bench {
 public:
  Bench(int threads, const char* wanted) : pool_(threads), wanted_(wanted) {}

  void shape(const Shape& s, Precision precision, const std::vector<size_t>& tokens) {
    const std::string name = std::string(s.name) + (precision == Precision::exact ? " exact" : " int8");
    if (name.find(wanted_) == std::string::npos) return;
    const Linear w = random_linear(s.mxfp4, s.matrices, s.rows, s.columns, precision, pool_);
    for (const size_t n : tokens) one(name, s, w, precision, n);
  }

 private:
  // `n` tokens through each of the matrices of a step; steps go round the stack.
  void one(const std::string& name, const Shape& s, const Linear& w, Precision precision, size_t n) {
    Activations x(precision, n * s.used, s.columns);
    std::vector<float> row(s.columns, 1.0f), y(n * s.used * s.rows), bias(s.matrices * s.rows);
    for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(i % 17) - 8;
    std::vector<int32_t> source;
    for (size_t i = 0; i < n * s.used; ++i) {
      x.set(i, row.data());
      source.push_back(static_cast<int32_t>(i * 7 % (n * s.used)));
    }
    size_t next = 0;
    const auto step = [&] {
      std::vector<Group> groups;
      for (size_t i = 0; i < s.used; ++i) groups.push_back({next++ % s.matrices, i * n, (i + 1) * n});
      pool_.run([&](Team& team) {
        grouped_product(team, w, x, groups.data(), groups.size(), source.data(), bias.data(), y.data(), s.rows);
      });
    };
    step();
    double read = 0, limit = 0, time = 1e9;
    for (int round = 0; round < kRounds; ++round) {
      read = std::max(read, reader_.speed(pool_));
      limit = std::max(limit, peak(pool_, precision));
      for (double spent = 0; spent < 0.03;) {
        const double once = seconds(step);
        time = std::min(time, once);
        spent += once;
      }
    }
    const double bytes = static_cast<double>(s.used * w.matrix_bytes()) / time / 1e9;
    const double operations = 2.0 * static_cast<double>(s.used * n * s.rows * s.columns) / time / 1e9;
    print(name, n, bytes, read, operations, limit);
  }

  static void print(const std::string& name, size_t n, double bytes, double read, double operations,
                    double limit) {
    std::printf("%-22s %4zu tokens  %6.1f GB/s of %5.1f (%3.0f %%)  %7.1f GOP/s of %6.0f (%3.0f %%)\n",
                name.c_str(), n, bytes, read, 100 * bytes / read, operations, limit,
                limit > 0 ? 100 * operations / limit : 0);
    std::fflush(stdout);
  }

  Pool pool_;
  Reader reader_;
  std::string wanted_;
};

}  // namespace

int main(int count, char** arguments) {
  Bench bench(count > 1 ? std::atoi(arguments[1]) : 2, count > 2 ? arguments[2] : "");
  if (count > 3 && !use_instruction_set(arguments[3])) return 1;
  std::printf("%s; tokens are those of each matrix; the best of %d rounds\n", instruction_set(), kRounds);
  const Shape experts{"mxfp4 5760x2880x4", true, 16, 5760, 2880, 4};
  const Shape square{"q8 2880x2880", false, 8, 2880, 2880, 1};
  const Shape vocabulary{"q8 201088x2880", false, 1, 201088, 2880, 1};
  const Shape dense{"bf16 5120x2880", false, 4, 5120, 2880, 1};
  bench.shape(experts, Precision::int8, {1, 2, 3, 4, 6, 8, 12, 16, 32, 64});
  bench.shape(square, Precision::int8, {1, 2, 4, 8, 16, 64, 512});
  bench.shape(vocabulary, Precision::int8, {1, 16});
  bench.shape(experts, Precision::exact, {1, 2, 4, 8, 16, 64});
  bench.shape(dense, Precision::exact, {1, 2, 4, 8, 16, 64, 512});
  return 0;
}
