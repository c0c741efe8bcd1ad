#include "moe.h"

#include <numeric>

#include "ops.h"

namespace ossay {

Routing::Routing(size_t experts, size_t per_token, size_t capacity)
    : experts_(experts),
      per_token_(per_token),
      chosen_(capacity * per_token),
      source_(capacity * per_token),
      place_(capacity * per_token),
      weights_(capacity * per_token),
      groups_(experts) {}

void Routing::choose(size_t token, const float* logits) {
  const size_t at = token * per_token_;
  ossay::choose(logits, experts_, per_token_, chosen_.data() + at, weights_.data() + at);
}

void Routing::sort(size_t tokens) {
  for (size_t e = 0; e < experts_; ++e) groups_[e] = {e, 0, 0};
  for (size_t i = 0; i < pairs(tokens); ++i) ++groups_[chosen_[i]].end;
  size_t begin = 0;
  for (Group& group : groups_) {
    const size_t size = group.end;
    group.begin = group.end = begin;
    begin += size;
  }
  for (size_t i = 0; i < pairs(tokens); ++i) {
    const size_t pair = groups_[chosen_[i]].end++;
    source_[pair] = static_cast<int32_t>(i / per_token_);
    place_[i] = static_cast<uint32_t>(pair);
  }
}

Experts::Experts(const ExpertShape& shape, Precision precision, size_t capacity)
    : shape_(shape),
      routing_(shape.experts, shape.per_token, capacity),
      normed_(precision, capacity, shape.hidden),
      routed_(Precision::exact, capacity, shape.hidden),
      inner_(precision, capacity * shape.per_token, shape.intermediate),
      identity_(capacity * shape.per_token),
      logits_(capacity * shape.experts),
      rows_(capacity * shape.per_token * std::max(shape.hidden, shape.intermediate)),
      gate_up_(capacity * shape.per_token * 2 * shape.intermediate),
      down_(capacity * shape.per_token * shape.hidden) {
  std::iota(identity_.begin(), identity_.end(), 0);
}

void Experts::route(Team& team, const ExpertWeights& w, const float* x, size_t n) {
  const size_t hidden = shape_.hidden;
  team.each(n, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      float* row = rows_.data() + i * hidden;
      vectors().rms_norm(x + i * hidden, w.norm.data(), hidden, shape_.eps, row);
      normed_.set(i, row);
      routed_.set(i, row);
    }
  });
  product(team, w.router, routed_, n, w.router_bias.data(), logits_.data(), shape_.experts);
  if (team.rank() == 0) {
    for (size_t i = 0; i < n; ++i) routing_.choose(i, logits_.data() + i * shape_.experts);
    routing_.sort(n);
  }
  team.barrier();
}

void Experts::run(Team& team, const ExpertWeights& w, float* x, size_t n) {
  const size_t hidden = shape_.hidden, inner = shape_.intermediate;
  route(team, w, x, n);
  const Group* groups = routing_.groups().data();
  grouped_product(team, w.gate_up, normed_, groups, shape_.experts, routing_.source(),
                  w.gate_up_bias.data(), gate_up_.data(), 2 * inner);
  team.each(routing_.pairs(n), 1, [&](size_t begin, size_t end) {
    for (size_t pair = begin; pair < end; ++pair) {
      float* row = rows_.data() + pair * inner;
      vectors().swiglu(gate_up_.data() + pair * 2 * inner, inner, shape_.alpha, shape_.limit, row);
      inner_.set(pair, row);
    }
  });
  grouped_product(team, w.down, inner_, groups, shape_.experts, identity_.data(), w.down_bias.data(),
                  down_.data(), hidden);
  team.each(n, 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i)
      for (size_t k = 0; k < shape_.per_token; ++k)
        vectors().add_scaled(down_.data() + routing_.pair(i, k) * hidden, routing_.weight(i, k), hidden,
                             x + i * hidden);
  });
}

}  // namespace ossay
