// config.json of an exported folder.
#pragma once

#include "base/json.h"
#include "checkpoint/checkpoint.h"

namespace qreason {

// The model's own config.json, which may say more than the decoder reads (a GGUF file: what follows from its metadata),
// without a quantization_config, with the class of whole models, with `type` under torch_dtype (and dtype, where it is
// there), and with the keys that transformers before 5 reads beside those of 5: older programs take an absent
// rope_theta for 10000 and say nothing. An Error: rotary frequencies that no config can say.
OrderedJson exported_config(const Checkpoint& model, StoredType type);

}  // namespace qreason
