// Matrices of Python, looked at and laid out.
#pragma once

#include <string>

#include "linear.h"
#include "module.h"

namespace ossay {

Precision precision_of(const std::string& name);  // "exact" or "int8"

// bf16 bits [rows, columns]; columns are filled up with zeros to a multiple of 32.
Linear dense(const In& array, const char* name, size_t rows, size_t columns, Precision precision, Pool& pool);

// Matrices as they are stored: bf16 bits [matrices, rows, columns], or a weights.Mxfp4.
Linear stack(const nb::object& stored, const char* name, size_t matrices, size_t rows, size_t columns,
             Precision precision, Pool& pool);

// A stack of whatever size it has.
Linear stack(const nb::object& stored, const char* name, Precision precision, Pool& pool);

}  // namespace ossay
