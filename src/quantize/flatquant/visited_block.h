// FlatQuant's training as it begins on a visited block: its data, and the published start.
#pragma once

#include "quantize/block_visit.h"
#include "quantize/flatquant/block_trainer.h"

namespace qreason {

// Inputs of one view and outputs of another. Sequences of different lengths are an Error (usage): a batch is a tensor.
// Both views outlive the data.
TrainingData training_data(BlockView& inputs, BlockView& targets);

// Where the published training of the block starts: matrices drawn from seed 0 through all blocks in order, and
// diagonals from the weights of `weights` and what reaches the linears of `float_block`.
struct PublishedStart {
  FlatState state;
  std::int64_t dead_channels = 0;  // of q's, gate's and down's inputs: with no activation at all
};
PublishedStart published_start(BlockView& float_block, const WeightSource& weights, const FlatShape& shape,
                               Parametrization parametrization);

}  // namespace qreason
