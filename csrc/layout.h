// Turns rows of weights into row groups (the layout is told in isa/isa.h). Knows nothing of threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ossay {

size_t group_bytes_bf16(size_t blocks);
size_t group_bytes_mxfp4(size_t blocks);
size_t group_bytes_q8(size_t blocks);

// One row group from `rows` (1 to 16) rows that follow one another; the rest of the group becomes zero.
void lay_out_bf16(const uint16_t* weights, size_t rows, size_t blocks, uint8_t* group);
void lay_out_q8(const uint16_t* weights, size_t rows, size_t blocks, uint8_t* group);
// flush: scales below 2^-60 become zero, above 2^60 stay there, as integer arithmetic needs.
void lay_out_mxfp4(const uint8_t* codes, const uint8_t* scales, size_t rows, size_t blocks, bool flush,
                   uint8_t* group);

}  // namespace ossay
