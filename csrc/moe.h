// A mixture of experts: which expert works on which token, and in which order. Knows nothing of layers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "linear.h"
#include "pool.h"

namespace ossay {

// Pairs of (token, chosen expert), sorted by expert, tokens ascending within one.
class Routing {
 public:
  Routing(size_t experts, size_t per_token, size_t capacity);

  // Chooses for one token from its logits [experts]. Threads may take different tokens.
  void choose(size_t token, const float* logits);
  // Sorts the pairs of `tokens` tokens, once all are chosen.
  void sort(size_t tokens);

  const std::vector<Group>& groups() const { return groups_; }  // one for each expert, empty ones too
  const int32_t* source() const { return source_.data(); }      // the token of each pair
  size_t pairs(size_t tokens) const { return tokens * per_token_; }
  // The i-th best expert's pair of a token, and its weight.
  size_t pair(size_t token, size_t i) const { return place_[token * per_token_ + i]; }
  float weight(size_t token, size_t i) const { return weights_[token * per_token_ + i]; }

 private:
  size_t experts_, per_token_;
  std::vector<int32_t> chosen_, source_;
  std::vector<uint32_t> place_;
  std::vector<float> weights_;
  std::vector<Group> groups_;
};

struct ExpertWeights {
  Linear router, gate_up, down;
  std::vector<float> norm, router_bias, gate_up_bias, down_bias;
};

struct ExpertShape {
  size_t hidden, intermediate, experts, per_token;
  float eps, alpha, limit;
};

class Experts {
 public:
  // Takes up to `capacity` tokens at a time; `identity` and the other scratch is held for that many.
  Experts(const ExpertShape& shape, Precision precision, size_t capacity);
  // x [n, hidden] += the experts' weighted sum.
  void run(Team& team, const ExpertWeights& weights, float* x, size_t n);

 private:
  void route(Team& team, const ExpertWeights& weights, const float* x, size_t n);

  ExpertShape shape_;
  Routing routing_;
  Activations normed_, routed_, inner_;
  std::vector<int32_t> identity_;  // pair p reads row p
  std::vector<float> logits_, rows_, gate_up_, down_;
};

}  // namespace ossay
