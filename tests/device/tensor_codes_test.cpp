// Codes in tensor operations against the reference quantizer, code for code.
#include "device/tensor_codes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "formats/float_codecs.h"
#include "formats/reference_quantizer.h"

namespace qreason {
namespace {

TEST(TensorCodes, PackAndUnpackAtEveryWidth) {
  for (int bits = 2; bits <= 8; ++bits) {
    for (const std::int64_t count : {1, 7, 8, 12, 128, 131}) {
      SCOPED_TRACE(bits);
      const at::Tensor codes =
          (at::arange(3 * count, at::kLong) * 37).remainder(1 << bits).to(at::kByte).view({3, count});
      const at::Tensor bytes = pack_codes(codes, bits);
      EXPECT_EQ(bytes.size(-1), packed_bytes(count, bits));
      EXPECT_EQ(bytes.size(-1), (count + 7) / 8 * bits);
      EXPECT_TRUE(at::equal(unpack_codes(bytes, count, bits), codes));
    }
  }
}

TEST(TensorCodes, AreTheReferenceQuantizers) {
  constexpr std::int64_t kRuns = 200, kRun = 32;
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.1f, 2.0f);
  std::vector<float> values;
  for (std::int64_t i = 0; i < kRuns * kRun; ++i) values.push_back(i / kRun == 7 ? 0.0f : normal(random));
  const at::Tensor runs = at::from_blob(values.data(), {kRuns, kRun}, at::kFloat);
  for (const char* text :
       {"a8-token-asym", "a4-token-asym-clip0.9", "a8-token-sym", "kv3-head-asym-clip0.95", "kv4-g32-sym",
        "a:fp8e4m3-token", "a:fp8e5m2-token", "a:mxfp4", "a:mxfp8e4m3", "kv4-head-asym-sf16"}) {
    SCOPED_TRACE(text);
    const QuantFormat format = parse_quant_format(text);
    const RunCodes found = encode_runs(runs, format);
    const at::Tensor decoded = decode_runs(found.codes, found.scale, found.zero, format.kind);
    for (std::int64_t run = 0; run < kRuns; ++run) {
      const std::span<const float> group(values.data() + run * kRun, kRun);
      const GroupParameters want = find_parameters(group, format);
      ASSERT_EQ(found.scale[run].item<float>(), want.scale) << run;
      for (std::int64_t i = 0; i < kRun; ++i) {
        const int code = encode(group[static_cast<std::size_t>(i)], want, format);
        const int stored = format.kind == NumberKind::kInteger ? code + format.code_offset() : code;
        ASSERT_EQ(found.codes[run][i].item<int>(), stored) << run << " " << i;
        ASSERT_EQ(decoded[run][i].item<float>(), decode(code, want, format)) << run << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace qreason
