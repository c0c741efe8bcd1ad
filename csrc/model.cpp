#include "model.h"

#include <algorithm>

#include "ops.h"

namespace ossay {

namespace {

constexpr size_t kChunk = 512;  // tokens worked on together: bounds the scratch, feeds the experts well
// Bytes of weights x tokens below which the other threads would wake for nothing (some 20 us of work).
constexpr size_t kSmall = 1 << 20;

}  // namespace

Model::Model(const ModelShape& shape, Precision precision, int threads)
    : shape_(shape),
      precision_(precision),
      pool_(threads),
      attention_(shape.heads, pool_.size()),
      experts_(shape.experts, precision, kChunk),
      normed_(precision, kChunk, shape.experts.hidden),
      attended_(precision, kChunk, shape.heads.out()),
      rows_(kChunk * shape.experts.hidden),
      qkv_(kChunk * shape.heads.qkv()),
      heads_(kChunk * shape.heads.out()) {}

void Model::set_edges(std::vector<float> norm, Linear unembedding) {
  norm_ = std::move(norm);
  unembedding_ = std::make_unique<Linear>(std::move(unembedding));
}

void Model::run(size_t work, const std::function<void(Team&)>& f) {
  if (work < kSmall)
    pool_.run_alone(f);
  else
    pool_.run(f);
}

void Model::set_normed(Team& team, const float* x, size_t n, const float* scale, Activations& to) {
  const size_t hidden = shape_.experts.hidden;
  team.each(n, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      float* row = rows_.data() + i * hidden;
      vectors().rms_norm(x + i * hidden, scale, hidden, shape_.experts.eps, row);
      to.set(i, row);
    }
  });
}

void Model::attend(size_t layer, float* x, const Step& step, LayerCache& cache) {
  const AttentionWeights& w = layers_[layer].attention;
  const size_t bytes = w.qkv.matrix_bytes() + w.out.matrix_bytes();
  for (size_t begin = 0; begin < step.tokens; begin += kChunk) {
    const size_t end = std::min(begin + kChunk, step.tokens);
    attention_.plan(step, begin, end);
    const size_t seen = step.positions[end - 1] * shape_.heads.width() * sizeof(float);
    run((bytes + seen) * (end - begin), [&](Team& team) { attend_some(team, layers_[layer], x, step, begin, end, cache); });
  }
}

void Model::attend_some(Team& team, const Layer& layer, float* x, const Step& step, size_t begin,
                        size_t end, LayerCache& cache) {
  const AttentionWeights& w = layer.attention;
  const size_t hidden = shape_.experts.hidden, width = shape_.heads.out();
  const size_t n = end - begin;
  x += begin * hidden;
  set_normed(team, x, n, w.norm.data(), normed_);
  product(team, w.qkv, normed_, n, w.qkv_bias.data(), qkv_.data(), shape_.heads.qkv());
  attention_.run(team, step, qkv_.data(), w.sinks.data(), layer.sliding ? shape_.window : 0, cache,
                 heads_.data());
  team.each(n, 1, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) attended_.set(i, heads_.data() + i * width);
  });
  product(team, w.out, attended_, n, w.out_bias.data(), x, hidden, true);
}

void Model::experts(size_t layer, float* x, size_t n) {
  const ExpertWeights& w = layers_[layer].experts;
  const size_t expert = w.gate_up.matrix_bytes() + w.down.matrix_bytes();
  const size_t bytes = w.router.matrix_bytes() + shape_.experts.per_token * expert;
  for (size_t begin = 0; begin < n; begin += kChunk)
    run(bytes * std::min(kChunk, n - begin), [&](Team& team) {
      experts_.run(team, layers_[layer].experts, x + begin * shape_.experts.hidden,
                   std::min(kChunk, n - begin));
    });
}

void Model::logits(const float* x, size_t n, float* out) {
  const size_t hidden = shape_.experts.hidden;
  for (size_t begin = 0; begin < n; begin += kChunk) {
    const size_t count = std::min(kChunk, n - begin);
    run(unembedding_->matrix_bytes() * count, [&](Team& team) {
      set_normed(team, x + begin * hidden, count, norm_.data(), normed_);
      product(team, *unembedding_, normed_, count, nullptr, out + begin * shape_.vocab, shape_.vocab);
    });
  }
}

}  // namespace ossay
