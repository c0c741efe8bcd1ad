// What the parts of the Python module share: arrays that were looked at before they are used.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace ossay {

namespace nb = nanobind;

using In = nb::ndarray<nb::ro, nb::device::cpu>;
using InOut = nb::ndarray<nb::device::cpu>;

constexpr int64_t kAny = -1;  // a dimension of any size

[[noreturn]] void refuse(const std::string& text);  // ValueError

// Raises ValueError unless the array has this type and shape, and its elements lie in C order.
void check(const nb::ndarray<nb::ro>& array, const char* name, nb::dlpack::dtype type,
           const char* type_name, std::initializer_list<int64_t> shape);

template <class T>
constexpr const char* kTypeName = "uint8";
template <>
inline constexpr const char* kTypeName<float> = "float32";
template <>
inline constexpr const char* kTypeName<int32_t> = "int32";
template <>
inline constexpr const char* kTypeName<uint16_t> = "uint16";

template <class T>
const T* read(const In& array, const char* name, std::initializer_list<int64_t> shape) {
  check(nb::ndarray<nb::ro>(array), name, nb::dtype<T>(), kTypeName<T>, shape);
  return static_cast<const T*>(array.data());
}

template <class T>
T* write(const InOut& array, const char* name, std::initializer_list<int64_t> shape) {
  check(nb::ndarray<nb::ro>(array), name, nb::dtype<T>(), kTypeName<T>, shape);
  return static_cast<T*>(array.data());
}

inline std::vector<float> floats(const In& array, const char* name, size_t size) {
  const float* data = read<float>(array, name, {static_cast<int64_t>(size)});
  return {data, data + size};
}

void add_model(nb::module_& module);
void add_kernels(nb::module_& module);

}  // namespace ossay
