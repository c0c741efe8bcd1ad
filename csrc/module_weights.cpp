#include "module_weights.h"

#include <algorithm>

#include "memory.h"

namespace ossay {

namespace {

int64_t size_of(size_t n) { return static_cast<int64_t>(n); }

}  // namespace

Precision precision_of(const std::string& name) {
  if (name == "exact") return Precision::exact;
  if (name == "int8") return Precision::int8;
  refuse("precision '" + name + "' is neither 'exact' nor 'int8'");
}

Linear dense(const In& array, const char* name, size_t rows, size_t columns, Precision precision, Pool& pool) {
  const auto* bits = read<uint16_t>(array, name, {size_of(rows), size_of(columns)});
  const nb::gil_scoped_release free;
  const size_t width = round_up(columns, 32);
  if (width == columns) return Linear::from_bf16(bits, 1, rows, columns, precision, pool);
  std::vector<uint16_t> wide(rows * width);
  for (size_t row = 0; row < rows; ++row)
    std::copy_n(bits + row * columns, columns, wide.data() + row * width);
  return Linear::from_bf16(wide.data(), 1, rows, width, precision, pool);
}

Linear stack(const nb::object& stored, const char* name, size_t matrices, size_t rows, size_t columns,
             Precision precision, Pool& pool) {
  const int64_t m = size_of(matrices), r = size_of(rows), c = size_of(columns);
  if (!nb::hasattr(stored, "blocks")) {
    const In array = nb::cast<In>(stored);
    const auto* bits = read<uint16_t>(array, name, {m, r, c});
    const nb::gil_scoped_release free;
    return Linear::from_bf16(bits, matrices, rows, columns, precision, pool);
  }
  const In blocks = nb::cast<In>(stored.attr("blocks")), scales = nb::cast<In>(stored.attr("scales"));
  const auto* codes = read<uint8_t>(blocks, name, {m, r, c / 32, 16});
  const auto* exponents = read<uint8_t>(scales, name, {m, r, c / 32});
  const nb::gil_scoped_release free;
  return Linear::from_mxfp4(codes, exponents, matrices, rows, columns, precision, pool);
}

Linear stack(const nb::object& stored, const char* name, Precision precision, Pool& pool) {
  const bool packed = nb::hasattr(stored, "blocks");
  const In array = nb::cast<In>(packed ? nb::object(stored.attr("blocks")) : stored);
  if (array.ndim() != (packed ? 4 : 3)) refuse(std::string(name) + " is no stack of matrices");
  const size_t columns = array.shape(2) * (packed ? 32 : 1);
  if (columns == 0 || columns % 32) refuse(std::string(name) + " has columns that are no multiple of 32");
  return stack(stored, name, array.shape(0), array.shape(1), columns, precision, pool);
}

}  // namespace ossay
