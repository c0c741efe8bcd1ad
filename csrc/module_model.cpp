// Python: Model, Cache and Step. Whatever comes in is checked here; nothing below checks again.
#include <memory>

#include "model.h"
#include "module.h"
#include "module_step.h"
#include "module_weights.h"

namespace ossay {

namespace {

void add_layer(Model& model, bool sliding, const nb::object& w) {
  const ModelShape& shape = model.shape();
  const HeadShape& heads = shape.heads;
  const ExpertShape& e = shape.experts;
  const auto array = [&](const char* name) { return nb::cast<In>(w.attr(name)); };
  const auto vector = [&](const char* name, size_t size) { return floats(array(name), name, size); };
  const auto table = [&](const char* name, size_t rows, size_t columns) {
    const float* data =
        read<float>(array(name), name, {static_cast<int64_t>(rows), static_cast<int64_t>(columns)});
    return std::vector<float>(data, data + rows * columns);
  };
  const Precision precision = model.precision();
  Pool& pool = model.pool();
  const size_t width = heads.heads * heads.depth;
  AttentionWeights attention{dense(array("qkv"), "qkv", heads.qkv(), e.hidden, precision, pool),
                             dense(array("out"), "out", e.hidden, width, precision, pool),
                             vector("attention_norm", e.hidden), vector("qkv_bias", heads.qkv()),
                             vector("out_bias", e.hidden), vector("sinks", heads.heads)};
  ExpertWeights experts{
      dense(array("router"), "router", e.experts, e.hidden, Precision::exact, pool),
      stack(w.attr("gate_up"), "gate_up", e.experts, 2 * e.intermediate, e.hidden, precision, pool),
      stack(w.attr("down"), "down", e.experts, e.hidden, e.intermediate, precision, pool),
      vector("mlp_norm", e.hidden), vector("router_bias", e.experts),
      table("gate_up_bias", e.experts, 2 * e.intermediate), table("down_bias", e.experts, e.hidden)};
  model.layers().push_back({sliding, std::move(attention), std::move(experts)});
}

void set_edges(Model& model, const In& norm, const In& unembedding) {
  const size_t hidden = model.shape().experts.hidden;
  auto scale = floats(norm, "norm", hidden);
  model.set_edges(std::move(scale), dense(unembedding, "unembedding", model.shape().vocab, hidden,
                                          model.precision(), model.pool()));
}

std::unique_ptr<Cache> make_cache(Model& model, size_t full, size_t sliding) {
  auto cache = std::make_unique<Cache>();
  cache->layers.reserve(model.layers().size());
  for (const Layer& layer : model.layers())
    cache->layers.emplace_back(model.shape().heads, layer.sliding ? sliding : full,
                        model.precision() == Precision::int8);
  return cache;
}

size_t rows_of(const Model& model, const InOut& x) {
  write<float>(x, "x", {kAny, static_cast<int64_t>(model.shape().experts.hidden)});
  return x.shape(0);
}

Layer& layer_of(Model& model, size_t layer) {
  if (layer >= model.layers().size()) refuse("no layer " + std::to_string(layer));
  return model.layers()[layer];
}

void attend(Model& model, size_t layer, const InOut& x, PyStep& step, Cache& cache) {
  const bool sliding = layer_of(model, layer).sliding;
  if (rows_of(model, x) != step.tokens()) refuse("x has not one row for each token of the step");
  const ModelShape& shape = model.shape();
  if (cache.layers.size() != model.layers().size() ||
      !cache.layers[layer].made_for(shape.heads, model.precision() == Precision::int8))
    refuse("the cache is not this model's");
  const Step& seen = step.of(sliding ? shape.window : 0, shape.heads.depth, cache.layers[layer].blocks());
  const nb::gil_scoped_release free;
  model.attend(layer, static_cast<float*>(x.data()), seen, cache.layers[layer]);
}

void experts(Model& model, size_t layer, const InOut& x) {
  layer_of(model, layer);
  const size_t rows = rows_of(model, x);
  const nb::gil_scoped_release free;
  model.experts(layer, static_cast<float*>(x.data()), rows);
}

void logits(Model& model, const InOut& x, const InOut& out) {
  const size_t rows = rows_of(model, x);
  if (!model.has_edges()) refuse("the model has no edges yet");
  auto* to = write<float>(out, "out", {static_cast<int64_t>(rows), static_cast<int64_t>(model.shape().vocab)});
  const nb::gil_scoped_release free;
  model.logits(static_cast<const float*>(x.data()), rows, to);
}

// `shape` is an ossay.engine.shape.ModelShape.
std::unique_ptr<Model> make_model(const nb::object& shape, const std::string& precision, int threads) {
  const auto number = [&](const char* name) {
    const auto value = nb::cast<int64_t>(shape.attr(name));
    if (value < 1) refuse(std::string(name) + " is below 1");
    return static_cast<size_t>(value);
  };
  const auto real = [&](const char* name) { return nb::cast<float>(shape.attr(name)); };
  const ModelShape s{{number("heads"), number("kv_heads"), number("head_dim")},
                     {number("hidden"), number("intermediate"), number("experts"),
                      number("experts_per_token"), real("norm_eps"), real("swiglu_alpha"),
                      real("swiglu_limit")},
                     number("vocab"),
                     number("window")};
  if (s.experts.hidden % 32 || s.experts.intermediate % 32) refuse("hidden or intermediate is no multiple of 32");
  if (s.heads.heads % s.heads.kv_heads) refuse("heads is no multiple of kv_heads");
  if (s.heads.depth % 2) refuse("head_dim is odd");
  if (s.experts.per_token > s.experts.experts) refuse("experts_per_token is above experts");
  if (threads < 1) refuse("threads is below 1");
  return std::make_unique<Model>(s, precision_of(precision), threads);
}

}  // namespace

void add_model(nb::module_& module) {
  nb::class_<Cache>(module, "Cache").def_prop_ro("bytes", [](const Cache& cache) {
    size_t bytes = 0;
    for (const LayerCache& layer : cache.layers) bytes += layer.bytes();
    return bytes;
  });
  nb::class_<PyStep>(module, "Step")
      .def(nb::init<const In&, const In&, const In&, const In&, const In&, const In&>(),
           nb::arg("positions"), nb::arg("starts"), nb::arg("full_blocks"), nb::arg("sliding_blocks"),
           nb::arg("cos"), nb::arg("sin"));
  nb::class_<Model>(module, "Model")
      .def(nb::new_(&make_model), nb::arg("shape"), nb::arg("precision"), nb::arg("threads"))
      .def("add_layer", &add_layer, nb::arg("sliding"), nb::arg("weights"))
      .def("set_edges", &set_edges, nb::arg("norm"), nb::arg("unembedding"))
      .def("new_cache", &make_cache, nb::arg("full_blocks"), nb::arg("sliding_blocks"))
      .def("attend", &attend, nb::arg("layer"), nb::arg("x"), nb::arg("step"), nb::arg("cache"))
      .def("experts", &experts, nb::arg("layer"), nb::arg("x"))
      .def("logits", &logits, nb::arg("x"), nb::arg("out"));
}

}  // namespace ossay
