// Products of every format, precision and instruction set against double precision, on random shapes;
// and bit for bit against themselves: whatever the batch, the grouping and the number of threads.
//
//   linear_test [seeds]
#include "linear.h"

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

using namespace ossay;

namespace {

using Random = std::mt19937_64;

size_t pick(Random& random, size_t low, size_t high) {
  return std::uniform_int_distribution<size_t>(low, high)(random);
}

float normal(Random& random) { return std::normal_distribution<float>()(random); }

float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// A stack of random matrices, in stored form and as the values that it stands for.
struct Stack {
  size_t matrices, rows, columns;
  bool mxfp4;
  std::vector<uint16_t> bf16;
  std::vector<uint8_t> blocks, scales;
  std::vector<double> values;

  Stack(Random& random, bool mxfp4_, size_t matrices_, size_t rows_, size_t columns_)
      : matrices(matrices_), rows(rows_), columns(columns_), mxfp4(mxfp4_) {
    mxfp4 ? make_mxfp4(random) : make_bf16(random);
  }

  void make_bf16(Random& random) {
    for (size_t i = 0; i < matrices * rows * columns; ++i) {
      const float size = i / 32 % 7 == 0 ? 0.0f : std::ldexp(1.0f, static_cast<int>(i / 32 % 5) - 6);
      bf16.push_back(static_cast<uint16_t>(std::bit_cast<uint32_t>(size * normal(random)) >> 16));
      values.push_back(from_bf16(bf16.back()));
    }
  }

  void make_mxfp4(Random& random) {
    const double table[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
    for (size_t i = 0; i < matrices * rows * columns / 32; ++i) {
      scales.push_back(static_cast<uint8_t>(pick(random, 0, 20) ? pick(random, 112, 124) : 0));
      for (size_t j = 0; j < 16; ++j) {
        const size_t byte = pick(random, 0, 255);
        blocks.push_back(static_cast<uint8_t>(byte));
        for (const size_t code : {byte & 15, byte >> 4})
          values.push_back((code & 8 ? -1 : 1) * std::ldexp(table[code & 7], scales.back() - 127));
      }
    }
  }

  Linear linear(Precision precision, Pool& pool) const {
    return mxfp4 ? Linear::from_mxfp4(blocks.data(), scales.data(), matrices, rows, columns, precision, pool)
                 : Linear::from_bf16(bf16.data(), matrices, rows, columns, precision, pool);
  }
};

struct Case {
  Stack stack;
  size_t tokens;
  std::vector<float> x, bias;
  std::vector<Group> groups;
  std::vector<int32_t> source;
  std::string name;

  Case(Random& random, bool mxfp4)
      : stack(random, mxfp4, pick(random, 0, 3) ? pick(random, 1, 8) : 64, pick(random, 1, 100),
              32 * pick(random, 1, 40)),
        tokens(pick(random, 1, 40)) {
    for (size_t i = 0; i < tokens * stack.columns; ++i)
      x.push_back(i / 32 % 11 == 0 ? 0.0f : normal(random));
    for (size_t i = 0; i < stack.matrices * stack.rows; ++i) bias.push_back(normal(random));
    make_groups(random);
    name = std::string(mxfp4 ? "mxfp4" : "bf16") + " matrices " + std::to_string(stack.matrices) +
           " rows " + std::to_string(stack.rows) + " columns " + std::to_string(stack.columns) +
           " tokens " + std::to_string(tokens);
  }

  // Some groups empty; now and then all tokens in one group, and a group of more than 128.
  void make_groups(Random& random) {
    const bool together = pick(random, 0, 3) == 0;
    for (size_t g = 0; g < stack.matrices; ++g) {
      const size_t count = together ? (g == stack.matrices / 2 ? tokens * pick(random, 1, 8) : 0)
                                    : pick(random, 0, 1) * pick(random, 1, 30);
      groups.push_back({stack.matrices - 1 - g, source.size(), source.size() + count});
      for (size_t i = 0; i < count; ++i)
        source.push_back(static_cast<int32_t>(pick(random, 0, tokens - 1)));
    }
  }

  std::vector<float> grouped(const Linear& w, const Activations& x_, Pool& pool, size_t ld) const {
    std::vector<float> y(source.size() * ld, 12345.0f);
    pool.run([&](Team& team) {
      grouped_product(team, w, x_, groups.data(), groups.size(), source.data(), bias.data(), y.data(), ld);
    });
    return y;
  }
};

void fail(const Case& c, const char* what, double seen, double wanted) {
  std::printf("FAILED %s: %s, %s: %.9g, wanted %.9g\n", instruction_set(), c.name.c_str(), what, seen, wanted);
  std::exit(1);
}

// How far sums may be off: rounding of float32, or of 8-bit codes as well, relative to sum |x||w|.
void compare(const Case& c, const std::vector<float>& y, size_t ld, Precision precision) {
  const Stack& s = c.stack;
  for (const Group& group : c.groups)
    for (size_t p = group.begin; p < group.end; ++p)
      for (size_t r = 0; r < ld; ++r) {
        if (r >= s.rows) {
          if (y[p * ld + r] != 12345.0f) fail(c, "wrote past a row", y[p * ld + r], 12345.0);
          continue;
        }
        const double* w = s.values.data() + (group.matrix * s.rows + r) * s.columns;
        const float* x = c.x.data() + static_cast<size_t>(c.source[p]) * s.columns;
        double sum = c.bias[group.matrix * s.rows + r], size = std::fabs(sum), squares = 0;
        for (size_t i = 0; i < s.columns; ++i) {
          sum += w[i] * x[i];
          size += std::fabs(w[i] * x[i]);
          squares += w[i] * w[i];
        }
        // An activation is off by at most max|x| / 254 < 5 / 254, evenly: a deviation of 5 / 254 / 1.7.
        const double slack = precision == Precision::exact ? 1e-6 * size
                                                           : 1e-5 * size + 0.08 * std::sqrt(squares) + 1e-6;
        if (!(std::fabs(y[p * ld + r] - sum) <= slack)) fail(c, "product", y[p * ld + r], sum);
      }
}

// Each pair by itself, through `product`, is bit for bit what it was among others.
void compare_alone(const Case& c, const Linear& w, const Activations& x, const std::vector<float>& y,
                   size_t ld, Pool& pool) {
  const Group* group = nullptr;
  for (const Group& g : c.groups)
    if (g.begin < g.end && (!group || g.end - g.begin > group->end - group->begin)) group = &g;
  if (!group) return;
  std::vector<float> alone(ld);
  for (size_t p = group->begin; p < group->end && p < group->begin + 12; ++p) {
    const Group one{group->matrix, 0, 1};
    pool.run([&](Team& team) {
      grouped_product(team, w, x, &one, 1, &c.source[p], c.bias.data(), alone.data(), ld);
    });
    for (size_t r = 0; r < c.stack.rows; ++r)
      if (alone[r] != y[p * ld + r]) fail(c, "differs when alone", alone[r], y[p * ld + r]);
  }
}

// product() is the first matrix with rows in order; `add` adds.
void compare_product(const Case& c, const Linear& w, const Activations& x, Pool& pool) {
  const size_t ld = c.stack.rows, n = c.tokens;
  std::vector<float> y(n * ld), twice(n * ld, 1.0f);
  std::vector<int32_t> all(n);
  for (size_t i = 0; i < n; ++i) all[i] = static_cast<int32_t>(i);
  const Group first{0, 0, n};
  std::vector<float> wanted(n * ld);
  pool.run([&](Team& team) {
    product(team, w, x, n, nullptr, y.data(), ld);
    product(team, w, x, n, c.bias.data(), twice.data(), ld, true);
    grouped_product(team, w, x, &first, 1, all.data(), nullptr, wanted.data(), ld);
  });
  for (size_t i = 0; i < n * ld; ++i) {
    if (y[i] != wanted[i]) fail(c, "product and grouped_product differ", y[i], wanted[i]);
    if (twice[i] != 1.0f + (y[i] + c.bias[i % ld])) fail(c, "add", twice[i], 1.0f + y[i] + c.bias[i % ld]);
  }
}

void check(const Case& c, Precision precision, Random& random) {
  const size_t ld = c.stack.rows + pick(random, 0, 3);
  Activations x(precision, c.tokens, c.stack.columns);
  for (size_t i = 0; i < c.tokens; ++i) x.set(i, c.x.data() + i * c.stack.columns);
  std::vector<float> before;
  for (int threads = 1; threads <= 4; ++threads) {
    Pool pool(threads);
    const Linear w = c.stack.linear(precision, pool);
    const std::vector<float> y = c.grouped(w, x, pool, ld);
    if (threads == 1) {
      compare(c, y, ld, precision);
      compare_alone(c, w, x, y, ld, pool);
    } else if (y != before) {
      fail(c, "depends on the threads", threads, 1);
    }
    compare_product(c, w, x, pool);
    before = y;
  }
}

}  // namespace

int main(int count, char** arguments) {
  const int seeds = count > 1 ? std::atoi(arguments[1]) : 20;
  int checked = 0;
  for (const char* set : {"portable", "avx2", "avx512vnni"}) {
    if (!use_instruction_set(set)) {
      std::printf("%s: not here\n", set);
      continue;
    }
    for (int seed = 0; seed < seeds; ++seed) {
      Random random(static_cast<uint64_t>(seed));
      const Case c(random, seed % 2 == 0);
      for (const Precision precision : {Precision::exact, Precision::int8}) check(c, precision, random);
      ++checked;
    }
    std::printf("%s: %d shapes agree\n", set, seeds);
  }
  return checked ? 0 : 1;
}
