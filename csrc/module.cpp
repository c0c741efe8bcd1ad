// The Python module ossay.engine.kernels._cpu; its types are told in _cpu.pyi.
#include "module.h"

#include "linear.h"
#include "measure.h"

namespace ossay {

void refuse(const std::string& text) { throw nb::value_error(text.c_str()); }

namespace {

std::string told(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + (shape[i] == kAny ? "any" : std::to_string(shape[i]));
  return text + "]";
}

}  // namespace

void check(const nb::ndarray<nb::ro>& array, const char* name, nb::dlpack::dtype type,
           const char* type_name, std::initializer_list<int64_t> shape) {
  const std::vector<int64_t> wanted(shape);
  std::vector<int64_t> found;
  bool fits = array.ndim() == wanted.size(), dense = true;
  for (size_t i = 0; i < array.ndim(); ++i) found.push_back(static_cast<int64_t>(array.shape(i)));
  for (size_t i = 0; fits && i < wanted.size(); ++i) fits = wanted[i] == kAny || wanted[i] == found[i];
  if (!fits) refuse(name + (" has shape " + told(found)) + "; expected " + told(wanted));
  if (array.dtype() != type) refuse(std::string(name) + " is not " + type_name);
  int64_t stride = 1;
  for (size_t i = array.ndim(); i-- > 0; stride *= found[i])
    dense = dense && (found[i] == 1 || array.stride(i) == stride);
  if (!dense && array.size() > 0) refuse(std::string(name) + " does not lie in C order; make a copy of it");
  if (array.size() > 0 && reinterpret_cast<uintptr_t>(array.data()) % (type.bits / 8))
    refuse(std::string(name) + " is not aligned; make a copy of it");
}

}  // namespace ossay

NB_MODULE(_cpu, module) {
  using namespace ossay;
  module.def("instruction_set", &instruction_set);
  module.def("use_instruction_set", &use_instruction_set, nb::arg("name"));
  module.def("read_bandwidth", &read_bandwidth, nb::arg("bytes"), nb::arg("threads"),
             nb::arg("seconds") = 0.5, nb::call_guard<nb::gil_scoped_release>());
  module.def("int8_peak", &int8_peak, nb::arg("threads"), nb::call_guard<nb::gil_scoped_release>());
  module.def("fp32_peak", &fp32_peak, nb::arg("threads"), nb::call_guard<nb::gil_scoped_release>());
  add_model(module);
  add_kernels(module);
}
