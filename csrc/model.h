// A gpt-oss model's layers, ready to run. Knows nothing of files, Python or the embedding.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "attention.h"
#include "linear.h"
#include "moe.h"
#include "pool.h"

namespace ossay {

struct AttentionWeights {
  Linear qkv, out;
  std::vector<float> norm, qkv_bias, out_bias, sinks;
};

struct Layer {
  bool sliding;
  AttentionWeights attention;
  ExpertWeights experts;
};

struct ModelShape {
  HeadShape heads;
  ExpertShape experts;
  size_t vocab, window;
};

// Keys and values of all layers, one LayerCache each.
struct Cache {
  Cache() = default;
  Cache(const Cache&) = delete;
  std::vector<LayerCache> layers;
};

class Model {
 public:
  Model(const ModelShape& shape, Precision precision, int threads);

  const ModelShape& shape() const { return shape_; }
  Precision precision() const { return precision_; }
  Pool& pool() { return pool_; }
  std::vector<Layer>& layers() { return layers_; }
  void set_edges(std::vector<float> norm, Linear unembedding);
  bool has_edges() const { return unembedding_ != nullptr; }

  // x [step.tokens, hidden], in place.
  void attend(size_t layer, float* x, const Step& step, LayerCache& cache);
  void experts(size_t layer, float* x, size_t n);
  // logits [n, vocab]
  void logits(const float* x, size_t n, float* out);

 private:
  // Runs f on as many threads as the work (bytes of weights x tokens) is worth.
  void run(size_t work, const std::function<void(Team&)>& f);
  void attend_some(Team& team, const Layer& layer, float* x, const Step& step, size_t begin, size_t end,
                   LayerCache& cache);
  void set_normed(Team& team, const float* x, size_t n, const float* scale, Activations& to);

  ModelShape shape_;
  Precision precision_;
  Pool pool_;
  std::vector<Layer> layers_;
  std::vector<float> norm_;
  std::unique_ptr<Linear> unembedding_;

  // Scratch for kChunk tokens.
  Attention attention_;
  Experts experts_;
  Activations normed_, attended_;
  std::vector<float> rows_, qkv_, heads_;
};

}  // namespace ossay
