// FlatQuant (Sun et al., arXiv 2410.09426; methods.md, section 10): transforms and clips of every block are learned so
// that the quantized block gives the float block's outputs, folded where they fold, and the weights rounded to nearest.
// What stays online: a Kronecker product at the inputs of q, k, v, of gate, up and of down, a matrix across the heads
// of o's input, and one of a head at keys and queries. Ranges of activations and cache have learned clip ratios.
//
// The pass says of every site of its blocks how it is transformed and quantized: no other pass may. Blocks are trained
// on the inputs that the float model gives them, or on those of the model as it was rounded so far.
#pragma once

#include <optional>
#include <string>

#include "quantize/flatquant/block_trainer.h"
#include "quantize/pass.h"

namespace qreason {

struct FlatQuantSettings {
  QuantFormat weights;                      // integers, symmetric per channel
  std::optional<QuantFormat> activations;   // integers per token
  std::optional<QuantFormat> keys, values;  // integers per head
  TrainingOptions training;
  Parametrization parametrization = Parametrization::kInverse;
  enum class Inputs { kFloat, kRounded } inputs = Inputs::kFloat;
  // "shuffled": one permutation an epoch of numpy.random.default_rng(0), the same for all blocks. "sequential". Else a
  // safetensors file with `order` int32 [epochs, samples].
  std::string batch_order = "shuffled";
  // Empty, or a safetensors file with tensors layers.I.NAME, float32, of the names of FlatState: what training starts
  // from in place of the published start. All blocks that are trained must be in it; with no epoch it is what is
  // folded.
  std::string initial_state;
  std::string skip_blocks;  // blocks that stay float: empty, "last", or numbers ("0, 5")
};

PassPointer round_flatquant(const FlatQuantSettings& settings);
PassPointer read_round_flatquant(ParameterReader& parameters);

}  // namespace qreason
