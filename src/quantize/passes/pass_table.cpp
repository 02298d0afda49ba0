#include "quantize/passes/pass_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "quantize/passes/clip_awq.h"
#include "quantize/passes/correct_biases.h"
#include "quantize/passes/fold_norms.h"
#include "quantize/passes/insert_outliers.h"
#include "quantize/passes/measure_cache.h"
#include "quantize/passes/measure_channels.h"
#include "quantize/passes/measure_keys.h"
#include "quantize/passes/measure_sensitivity.h"
#include "quantize/passes/rotate_down.h"
#include "quantize/passes/rotate_groups.h"
#include "quantize/passes/rotate_keys.h"
#include "quantize/passes/rotate_residual.h"
#include "quantize/passes/rotate_values.h"
#include "quantize/passes/round_embeddings.h"
#include "quantize/passes/round_flatquant.h"
#include "quantize/passes/round_gptq.h"
#include "quantize/passes/round_rtn.h"
#include "quantize/passes/scale_awq.h"
#include "quantize/passes/set_activation_format.h"
#include "quantize/passes/set_kv_format.h"
#include "quantize/passes/smooth_norms.h"

namespace qreason {
const std::vector<PassRow>& all_passes() {
  static const std::vector<PassRow> kPasses{
      {"fold_norms", "norm gains into the linears that read them, the head untied", "", read_fold_norms},
      {"insert_outliers", "outliers like the studied models have, for tests of methods", "channels = 1\nfactor = 64.0",
       read_insert_outliers},
      {"measure_cache", "the largest |x| of the keys after RoPE and of the values, over the calibration", "",
       read_measure_cache},
      {"measure_channels", "the largest |x| of every channel of the linears' inputs, over the calibration", "",
       read_measure_channels},
      {"measure_keys", "the range of every channel of the keys before RoPE, over the calibration", "",
       read_measure_keys},
      {"measure_sensitivity", "what rounding each linear alone to some formats does to the model's predictions",
       "formats = [\"w2g64-asym\", \"w4g64-asym\"]\nrounding = \"nearest\"", read_measure_sensitivity},
      {"smooth_norms", "outlier channels of the norms into the weights, as measured (SmoothQuant)", "alpha = 0.85",
       read_smooth_norms},
      {"rotate_residual", "the residual stream by a Hadamard matrix with signs, after fold_norms", "seed = 0",
       read_rotate_residual},
      {"rotate_values", "heads of values and of attention outputs by Hadamard matrices", "full = true",
       read_rotate_values},
      {"rotate_down", "inputs of down by a Hadamard matrix online, its inverse in the weights", "shards = 1",
       read_rotate_down},
      {"rotate_keys", "keys and queries after RoPE by a Hadamard matrix online", "", read_rotate_keys},
      {"rotate_groups", "groups of all linears' inputs by Hadamard matrices online, their inverse in the weights",
       "size = 32", read_rotate_groups},
      {"set_activation_format", "inputs of linears quantized while the model runs", "format = \"a8-token-asym\"",
       read_set_activation_format},
      {"set_kv_format", "the cache quantized while the model runs, keys per channel and all per tensor as measured",
       "keys = \"k4-head-asym\"\nvalues = \"v4-head-asym\"", read_set_kv_format},
      {"scale_awq", "scales that make linears round better, searched on calibration inputs (AWQ)", "", read_scale_awq},
      {"clip_awq", "ranges of weight groups cut where that changes the outputs less (AWQ)", "", read_clip_awq},
      {"round_rtn", "weights rounded to nearest", "format = \"w4g64-asym\"\nlinears = \"all\"", read_round_rtn},
      {"round_gptq", "weights rounded by GPTQ on calibration inputs", "format = \"w4g64-asym-mse\"\nlinears = \"all\"",
       read_round_gptq},
      {"round_flatquant", "transforms and clips learned block by block, then rounded to nearest (FlatQuant)",
       "weights = \"w4c-sym\"\nactivations = \"a4-token-asym\"\nkeys = \"k4-head-asym\"\nvalues = "
       "\"v4-head-asym\"\nepochs = 1",
       read_round_flatquant},
      {"round_embeddings", "the embedding and the output head rounded to nearest", "embedding = \"w8g64-sym\"",
       read_round_embeddings},
      {"correct_biases", "biases that put the means of rounded linears back", "", read_correct_biases},
  };
  return kPasses;
}

PassPointer make_pass(const std::string& kind, const ParameterMap& parameters, const std::string& where) {
  std::vector<std::string_view> known;
  for (const PassRow& row : all_passes()) {
    known.push_back(row.kind);
    if (row.kind != kind) continue;
    ParameterReader reader(parameters, where + ": " + kind);
    PassPointer pass = row.make(reader);
    reader.refuse_unknown();
    return pass;
  }
  throw Error::usage(where, fmt::format("unknown pass {}", kind), fmt::format("{}", fmt::join(known, ", ")));
}

}  // namespace qreason
