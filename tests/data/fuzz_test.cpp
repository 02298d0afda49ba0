#include <string>

#include "../../fuzz/data_targets.h"
#include "base/file.h"
#include "support/fixtures.h"
#include "support/fuzz_run.h"

namespace qreason {
namespace {

using testing::run_mutations;

TEST(Fuzz, TablesGiveErrorsAtWorst) {
  for (const char* name : {"plain.parquet", "dictionary_zstd.parquet", "groups_snappy.parquet"})
    run_mutations(read_text_file(testing::project_path("tests/data/parquet") / name), 400, fuzz::read_as_table);
  run_mutations("{\"a\": \"x\", \"b\": [1, 2]}\n{\"a\": null}\n", 1000, fuzz::read_as_table);
  run_mutations("a,b\n\"x \"\"y\"\"\nz\",2\n", 1000, fuzz::read_as_table);
}

TEST(Fuzz, PicklesGiveErrorsAtWorst) {
  // pickle.dumps("a\u00e9" * 3, protocol) and its tests as LiveCodeBench packs them: base64 of zlib.
  run_mutations(std::string("\x80\x04\x95\x0d\x00\x00\x00\x00\x00\x00\x00\x8c\x09"
                            "a\xc3\xa9"
                            "a\xc3\xa9"
                            "a\xc3\xa9"
                            "\x94.",
                            24),
                3000, fuzz::read_as_pickle);
  run_mutations(R"([{"input": "1\n", "output": "1\n", "testtype": "stdin"}])", 1000, fuzz::read_as_pickle);
}

}  // namespace
}  // namespace qreason
