// Python: single kernels, for tests. Each makes its own threads, so none is fast to call.
#include <algorithm>
#include <optional>

#include "attention.h"
#include "linear.h"
#include "module.h"
#include "module_step.h"
#include "module_weights.h"
#include "ops.h"

namespace ossay {

namespace {

int64_t size_of(size_t n) { return static_cast<int64_t>(n); }

void rms_norm(const In& x, const In& scale, float eps, const InOut& out) {
  const float* from = read<float>(x, "x", {kAny, kAny});
  const size_t n = x.shape(1);
  const float* s = read<float>(scale, "scale", {size_of(n)});
  float* to = write<float>(out, "out", {size_of(x.shape(0)), size_of(n)});
  for (size_t i = 0; i < x.shape(0); ++i) vectors().rms_norm(from + i * n, s, n, eps, to + i * n);
}

void rope(const In& x, const In& cos, const In& sin, const InOut& out) {
  const float* from = read<float>(x, "x", {kAny, kAny});
  const size_t n = x.shape(0), depth = x.shape(1);
  if (depth % 2) refuse("x has an odd head_dim");
  const float* c = read<float>(cos, "cos", {size_of(n), size_of(depth / 2)});
  const float* s = read<float>(sin, "sin", {size_of(n), size_of(depth / 2)});
  float* to = write<float>(out, "out", {size_of(n), size_of(depth)});
  for (size_t i = 0; i < n; ++i)
    rotate(from + i * depth, c + i * depth / 2, s + i * depth / 2, depth / 2, to + i * depth);
}

void swiglu(const In& gate_up, float alpha, float limit, const InOut& out) {
  const float* from = read<float>(gate_up, "gate_up", {kAny, kAny});
  if (gate_up.shape(1) % 2) refuse("gate_up has an odd number of columns");
  const size_t n = gate_up.shape(1) / 2;
  float* to = write<float>(out, "out", {size_of(gate_up.shape(0)), size_of(n)});
  for (size_t i = 0; i < gate_up.shape(0); ++i)
    vectors().swiglu(from + i * 2 * n, n, alpha, limit, to + i * n);
}

void route(const In& logits, const InOut& chosen, const InOut& weights) {
  const float* from = read<float>(logits, "logits", {kAny, kAny});
  const size_t rows = logits.shape(0), n = logits.shape(1);
  auto* c = write<int32_t>(chosen, "chosen", {size_of(rows), kAny});
  const size_t k = chosen.shape(1);
  if (k < 1 || k > n) refuse("chosen takes more experts than there are, or none");
  float* w = write<float>(weights, "weights", {size_of(rows), size_of(k)});
  for (size_t i = 0; i < rows; ++i) choose(from + i * n, n, k, c + i * k, w + i * k);
}

// There and back: float32 as a cache in half precision gives it back.
void halve(const In& x, const InOut& out) {
  const size_t n = x.size();
  const float* from = read<float>(x, "x", {kAny});
  float* to = write<float>(out, "out", {size_of(n)});
  std::vector<uint16_t> bits(round_up(n, 16));
  std::vector<float> back(round_up(n, 16));
  vectors().to_half(from, n, bits.data());
  vectors().from_half(bits.data(), back.size(), back.data());
  std::copy_n(back.data(), n, to);
}

int at_least_one(int threads) {
  if (threads < 1) refuse("threads is below 1");
  return threads;
}

// All rows of x, which has as many columns as the weights.
class AllRows {
 public:
  AllRows(const In& x, const Linear& weights, Precision precision)
      : from_(read<float>(x, "x", {kAny, size_of(weights.columns())})),
        rows_(precision, x.shape(0), weights.columns()) {
    for (size_t i = 0; i < x.shape(0); ++i) rows_.set(i, from_ + i * weights.columns());
  }
  const Activations& rows() const { return rows_; }

 private:
  const float* from_;  // before rows_: an array that is refused has made no room
  Activations rows_;
};

void matrix_product(const nb::object& weights, const std::optional<In>& bias, const In& x,
                    const std::string& precision_name, int threads, bool add, const InOut& out) {
  Pool pool(at_least_one(threads));
  const Precision precision = precision_of(precision_name);
  const Linear w = stack(weights, "weights", precision, pool);
  const AllRows rows(x, w, precision);
  const float* b = bias ? read<float>(*bias, "bias", {size_of(w.rows())}) : nullptr;
  float* to = write<float>(out, "out", {size_of(x.shape(0)), size_of(w.rows())});
  pool.run([&](Team& team) { product(team, w, rows.rows(), x.shape(0), b, to, w.rows(), add); });
}

// Groups that follow one another: group i is the pairs [starts[i], starts[i + 1]).
std::vector<Group> groups_of(const In& matrices, const In& starts, size_t stack_size, size_t pairs) {
  const size_t count = matrices.size();
  const auto* matrix = read<int32_t>(matrices, "matrices", {size_of(count)});
  const auto* start = read<int32_t>(starts, "starts", {size_of(count + 1)});
  if (start[0] != 0 || start[count] != size_of(pairs)) refuse("starts do not go from 0 to the number of pairs");
  std::vector<Group> groups;
  for (size_t i = 0; i < count; ++i) {
    if (start[i + 1] < start[i]) refuse("starts descend");
    if (matrix[i] < 0 || matrix[i] >= size_of(stack_size)) refuse("no matrix " + std::to_string(matrix[i]));
    groups.push_back({static_cast<size_t>(matrix[i]), static_cast<size_t>(start[i]),
                      static_cast<size_t>(start[i + 1])});
  }
  return groups;
}

void stack_product(const nb::object& weights, const std::optional<In>& bias, const In& x, const In& matrices,
                   const In& starts, const In& source, const std::string& precision_name, int threads,
                   const InOut& out) {
  Pool pool(at_least_one(threads));
  const Precision precision = precision_of(precision_name);
  const Linear w = stack(weights, "weights", precision, pool);
  const AllRows rows(x, w, precision);
  const size_t pairs = source.size();
  const auto* from = read<int32_t>(source, "source", {size_of(pairs)});
  for (size_t i = 0; i < pairs; ++i)
    if (from[i] < 0 || from[i] >= size_of(x.shape(0))) refuse("x has no row " + std::to_string(from[i]));
  const std::vector<Group> groups = groups_of(matrices, starts, w.matrices(), pairs);
  const float* b = bias ? read<float>(*bias, "bias", {size_of(w.matrices()), size_of(w.rows())}) : nullptr;
  float* to = write<float>(out, "out", {size_of(pairs), size_of(w.rows())});
  pool.run([&](Team& team) {
    grouped_product(team, w, rows.rows(), groups.data(), groups.size(), from, b, to, w.rows());
  });
}

// One layer's attention and its cache.
class PyAttention {
 public:
  PyAttention(size_t heads, size_t kv_heads, size_t depth, size_t blocks, bool half, int threads)
      : shape_{heads, kv_heads, depth},
        pool_(at_least_one(threads)),
        attention_(checked(shape_), threads),
        cache_(shape_, blocks, half) {}

  void run(const In& qkv, const In& sinks, PyStep& step, size_t window, const InOut& out) {
    const size_t n = step.tokens(), width = shape_.heads * shape_.depth;
    const float* from = read<float>(qkv, "qkv", {size_of(n), size_of(shape_.qkv())});
    const float* s = read<float>(sinks, "sinks", {size_of(shape_.heads)});
    float* to = write<float>(out, "out", {size_of(n), size_of(width)});
    const Step& seen = step.of(window, shape_.depth, cache_.blocks());
    std::vector<float> own(from, from + n * shape_.qkv()), wide(n * shape_.out());
    attention_.plan(seen, 0, n);
    pool_.run([&](Team& team) { attention_.run(team, seen, own.data(), s, window, cache_, wide.data()); });
    for (size_t i = 0; i < n; ++i) std::copy_n(wide.data() + i * shape_.out(), width, to + i * width);
  }

 private:
  static const HeadShape& checked(const HeadShape& shape) {
    if (shape.kv_heads < 1 || shape.heads < 1 || shape.heads % shape.kv_heads)
      refuse("heads is no multiple of kv_heads");
    if (shape.depth < 2 || shape.depth % 2) refuse("head_dim is odd");
    return shape;
  }

  HeadShape shape_;
  Pool pool_;
  Attention attention_;
  LayerCache cache_;
};

}  // namespace

void add_kernels(nb::module_& module) {
  module.def("rms_norm", &rms_norm, nb::arg("x"), nb::arg("scale"), nb::arg("eps"), nb::arg("out"));
  module.def("rope", &rope, nb::arg("x"), nb::arg("cos"), nb::arg("sin"), nb::arg("out"));
  module.def("swiglu", &swiglu, nb::arg("gate_up"), nb::arg("alpha"), nb::arg("limit"), nb::arg("out"));
  module.def("route", &route, nb::arg("logits"), nb::arg("chosen"), nb::arg("weights"));
  module.def("halve", &halve, nb::arg("x"), nb::arg("out"));
  module.def("product", &matrix_product, nb::arg("weights"), nb::arg("bias").none(), nb::arg("x"),
             nb::arg("precision"), nb::arg("threads"), nb::arg("add"), nb::arg("out"));
  module.def("grouped_product", &stack_product, nb::arg("weights"), nb::arg("bias").none(), nb::arg("x"),
             nb::arg("matrices"), nb::arg("starts"), nb::arg("source"), nb::arg("precision"),
             nb::arg("threads"), nb::arg("out"));
  nb::class_<PyAttention>(module, "Attention")
      .def(nb::init<size_t, size_t, size_t, size_t, bool, int>(), nb::arg("heads"), nb::arg("kv_heads"),
           nb::arg("head_dim"), nb::arg("blocks"), nb::arg("half"), nb::arg("threads"))
      .def("run", &PyAttention::run, nb::arg("qkv"), nb::arg("sinks"), nb::arg("step"), nb::arg("window"),
           nb::arg("out"));
}

}  // namespace ossay
