#include "data/code_dataset.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "data/table.h"

namespace qreason {

struct StoredRow {
  OpenedFile file;
  std::uint64_t offset, length;
  std::string where;
};

namespace {
namespace fs = std::filesystem;
using Fields = std::map<std::string, std::string>;

constexpr std::array<const char*, 3> kTestColumns{"public_test_cases", "private_test_cases", "metadata"};

const std::string& column(const Fields& row, const char* name, const std::string& where) {
  const auto found = row.find(name);
  if (found == row.end()) throw Error(where, fmt::format("no column \"{}\"", name), "a row of LiveCodeBench");
  return found->second;
}

std::string tests_digest(const Fields& row, const std::string& where) {
  Sha256 digest;
  for (const char* name : kTestColumns) {
    digest.update(column(row, name, where));
    digest.update(std::string_view("\0", 1));
  }
  return "sha256 of tests: " + digest.finish_hex();
}

Fields fields_of_line(std::string_view line, const std::string& where) {
  const Json object = parse_json(line, where);
  if (!object.is_object()) throw Error(where, fmt::format("a JSON {}", object.type_name()), "an object");
  Fields fields;
  for (const auto& [name, value] : object.items())
    if (!value.is_null()) fields.emplace(name, value.is_string() ? value.get<std::string>() : value.dump());
  return fields;
}

class Reader {
 public:
  Reader(const fs::path& file, const std::string& name) : dataset_{.name = name, .problems = {}, .source = file} {}

  Problem& add(Fields fields, const std::string& where) {
    Problem problem{.id = column(fields, "question_id", where),
                    .question = column(fields, "question_content", where),
                    .gold = tests_digest(fields, where),
                    .fields = {},
                    .row = static_cast<std::int64_t>(dataset_.problems.size())};
    if (!ids_.insert(problem.id).second)
      throw Error(where, fmt::format("the id \"{}\" again", problem.id), "a new one");
    problem.fields = std::move(fields);
    return dataset_.problems.emplace_back(std::move(problem));
  }

  void read_lines(const fs::path& file) {
    const OpenedFile opened(file);
    std::ifstream stream(file, std::ios::binary);
    std::uint64_t offset = 0;
    std::int64_t number = 0;
    for (std::string line; std::getline(stream, line); offset += line.size() + 1) {
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      const std::string where = fmt::format("{}, line {}", file.string(), number);
      Problem& problem = add(fields_of_line(line, where), where);
      problem.stored = std::make_shared<const StoredRow>(StoredRow{opened, offset, line.size(), where});
      for (const char* name : kTestColumns) problem.fields.erase(name);
    }
  }

  Dataset take() {
    if (dataset_.problems.empty()) throw Error(dataset_.source.string(), "no rows", "at least one");
    return std::move(dataset_);
  }

 private:
  Dataset dataset_;
  std::set<std::string> ids_;
};

}  // namespace

Dataset read_code_dataset(const std::vector<fs::path>& files, const std::string& name) {
  Reader reader(files.front(), name);
  for (const fs::path& file : files) {
    if (std::ifstream(file, std::ios::binary).peek() == '{') {
      reader.read_lines(file);
      continue;
    }
    Table table = read_table(file);
    for (RecordRow& row : table.rows) {
      const std::string where = table.where(row);
      reader.add(std::move(row.fields), where);
    }
  }
  return reader.take();
}

CodeProblem tests_of(const Problem& problem) {
  if (problem.tests) return *problem.tests;
  if (!problem.stored) return decode_code_problem(problem.fields, fmt::format("problem {}", problem.id));
  const StoredRow& stored = *problem.stored;
  const MappedBytes map = stored.file.map(stored.offset, stored.length, "a row");
  const std::string_view line(reinterpret_cast<const char*>(map.bytes().data()), map.bytes().size());
  const Fields fields = fields_of_line(line, stored.where);
  if (tests_digest(fields, stored.where) != problem.gold)
    throw Error(stored.where, "other tests than when the file was opened", "a file that nobody changes meanwhile");
  return decode_code_problem(fields, stored.where);
}

}  // namespace qreason
