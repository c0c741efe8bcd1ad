#include "measure.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "memory.h"
#include "ops.h"
#include "pool.h"

namespace ossay {

namespace {

constexpr double kSeconds = 0.1;
constexpr size_t kPiece = 1 << 20;  // bytes that a thread takes at a time

template <class F>
double seconds(const F& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// 1e9 operations a second of all threads, from rounds enough for kSeconds.
double peak(int threads, double (*rounds)(size_t)) {
  Pool pool(threads);
  std::vector<double> done(pool.size());
  const auto run = [&](size_t count) {
    return seconds([&] { pool.run([&](Team& team) { done[team.rank()] = rounds(count); }); });
  };
  size_t count = 1 << 16;
  double taken = run(count);
  while (taken < kSeconds) {
    count *= 2;
    taken = run(count);
  }
  double operations = 0;
  for (double each : done) operations += each;
  return operations / taken / 1e9;
}

}  // namespace

double read_bandwidth(size_t bytes, int threads, double span) {
  bytes = round_up(std::max(bytes, kPiece), kPiece);
  Memory memory(bytes);
  Pool pool(threads);
  std::vector<float> seen(pool.size());
  const auto pass = [&](auto&& f) {
    pool.run([&](Team& team) {
      team.each(bytes / kPiece, 1, [&](size_t begin, size_t end) {
        f(team.rank(), memory.data() + begin * kPiece, (end - begin) * kPiece);
      });
    });
  };
  pass([](int, uint8_t* data, size_t size) { std::memset(data, 0, size); });
  double taken = 0, looked_at = 0;
  do {
    taken += seconds([&] {
      pass([&](int rank, const uint8_t* data, size_t size) {
        seen[rank] += vectors().look(reinterpret_cast<const float*>(data), size);
      });
    });
    looked_at += static_cast<double>(bytes);
  } while (taken < span);
  return looked_at / taken / 1e9;
}

double int8_peak(int threads) { return peak(threads, vectors().int8_rounds); }

double fp32_peak(int threads) { return peak(threads, vectors().fp32_rounds); }

}  // namespace ossay
