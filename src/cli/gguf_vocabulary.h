// The tokenizer part of a GGUF file's metadata. The tokenizer layer does not know the checkpoint layer; they meet here.
#pragma once

#include "checkpoint/gguf.h"
#include "checkpoint/gguf_metadata.h"
#include "tokenizer/tokenizer.h"

namespace qreason {

// An Error names the file and the key that is missing or has another type.
GgufVocabulary gguf_vocabulary(const GgufFile& file);

bool has_vocabulary(const GgufFile& file);

// The other way, for a file whose embedding has `size` rows; Errors as Tokenizer::to_gguf.
GgufMetadata vocabulary_metadata(const Tokenizer& tokenizer, std::int64_t size);

}  // namespace qreason
