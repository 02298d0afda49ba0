// Named numbers that statistics passes find and the passes behind them read.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace qreason {

class Statistics {
 public:
  // A name that is there already or a value that is not finite is an Error naming it.
  void put(const std::string& name, std::vector<float> values);
  // Throws Error naming what is missing.
  const std::vector<float>& at(const std::string& name) const;

  // {name: [values]}; every float32 comes back as it was.
  OrderedJson to_json() const;
  void add_json(const OrderedJson& json, const std::string& where);
  // {name: {"median", "max"}}: what a report says of them.
  OrderedJson summary() const;

 private:
  std::map<std::string, std::vector<float>> values_;
};

// "layers.3.attn_in.absmax": the largest |x| of every channel that the linears at a site of a block read,
// or ("key", "value") of what its cache is given.
std::string channel_maxima_name(std::int64_t layer, std::string_view site);
// "layers.3.key.min", "layers.3.key.max": the smallest and largest value of every channel of the keys of a block, as
// projected: bias included, before RoPE.
std::string key_minima_name(std::int64_t layer);
std::string key_maxima_name(std::int64_t layer);
// "layers.3.mlp.down_proj.w3g64-asym.divergence": what rounding this linear alone to the format does to the model's
// predictions, one number.
std::string divergence_name(std::int64_t layer, std::string_view linear, std::string_view format);

}  // namespace qreason
