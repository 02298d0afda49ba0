#include "data/parquet.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/extension_type.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/properties.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>

#include "base/error.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostMemory = std::int64_t{1} << 32;
constexpr std::int64_t kBatchRows = 256;
constexpr std::size_t kLongestReason = 160;

std::string short_reason(std::string reason) {
  reason = reason.substr(0, reason.find('\n'));
  return reason.size() > kLongestReason ? reason.substr(0, kLongestReason) + "..." : reason;
}

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
  throw Error(path.string(), fmt::format("a Parquet file that cannot be read ({})", short_reason(reason)),
              "a whole one");
}

void require(const arrow::Status& status, const fs::path& path) {
  if (!status.ok()) fail(path, status.message());
}

template <class T>
T value_of(arrow::Result<T> result, const fs::path& path) {
  require(result.status(), path);
  return *std::move(result);
}

Json json_of(const arrow::Array& array, std::int64_t index);

template <class Array>
Json number(const arrow::Array& array, std::int64_t index) {
  return static_cast<const Array&>(array).Value(index);
}

template <class Array>
Json text(const arrow::Array& array, std::int64_t index) {
  return std::string(static_cast<const Array&>(array).GetView(index));
}

template <class Array>
Json list(const arrow::Array& array, std::int64_t index) {
  const auto& lists = static_cast<const Array&>(array);
  Json items = Json::array();
  for (std::int64_t i = 0; i < lists.value_length(index); ++i)
    items.push_back(json_of(*lists.values(), lists.value_offset(index) + i));
  return items;
}

Json structure(const arrow::Array& array, std::int64_t index) {
  const auto& rows = static_cast<const arrow::StructArray&>(array);
  Json object = Json::object();
  for (int i = 0; i < rows.num_fields(); ++i)
    object[rows.struct_type()->field(i)->name()] = json_of(*rows.field(i), index);
  return object;
}

// The shortest decimal that is this float, as one would write it in JSON.
Json short_float(const arrow::Array& array, std::int64_t index) {
  return std::strtod(fmt::format("{}", static_cast<const arrow::FloatArray&>(array).Value(index)).c_str(), nullptr);
}

Json dictionary(const arrow::Array& array, std::int64_t index) {
  const auto& encoded = static_cast<const arrow::DictionaryArray&>(array);
  return json_of(*encoded.dictionary(), encoded.GetValueIndex(index));
}

Json other(const arrow::Array& array, std::int64_t index) {
  const auto scalar = array.GetScalar(index);
  if (!scalar.ok()) throw std::runtime_error(scalar.status().message());
  return (*scalar)->ToString();
}

using Reading = Json (*)(const arrow::Array& array, std::int64_t index);

Reading reading_of(arrow::Type::type type) {
  switch (type) {
    case arrow::Type::BOOL:
      return number<arrow::BooleanArray>;
    case arrow::Type::INT8:
      return number<arrow::Int8Array>;
    case arrow::Type::INT16:
      return number<arrow::Int16Array>;
    case arrow::Type::INT32:
      return number<arrow::Int32Array>;
    case arrow::Type::INT64:
      return number<arrow::Int64Array>;
    case arrow::Type::UINT8:
      return number<arrow::UInt8Array>;
    case arrow::Type::UINT16:
      return number<arrow::UInt16Array>;
    case arrow::Type::UINT32:
      return number<arrow::UInt32Array>;
    case arrow::Type::UINT64:
      return number<arrow::UInt64Array>;
    case arrow::Type::FLOAT:
      return short_float;
    case arrow::Type::DOUBLE:
      return number<arrow::DoubleArray>;
    case arrow::Type::STRING:
      return text<arrow::StringArray>;
    case arrow::Type::BINARY:
      return text<arrow::BinaryArray>;
    case arrow::Type::LARGE_STRING:
      return text<arrow::LargeStringArray>;
    case arrow::Type::LARGE_BINARY:
      return text<arrow::LargeBinaryArray>;
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return list<arrow::ListArray>;
    case arrow::Type::LARGE_LIST:
      return list<arrow::LargeListArray>;
    case arrow::Type::FIXED_SIZE_LIST:
      return list<arrow::FixedSizeListArray>;
    case arrow::Type::STRUCT:
      return structure;
    case arrow::Type::DICTIONARY:
      return dictionary;
    default:
      return other;
  }
}

Json json_of(const arrow::Array& array, std::int64_t index) {
  if (array.IsNull(index)) return nullptr;
  return reading_of(array.type_id())(array, index);
}

// Takes what Arrow and our own reading throw; what `take` throws goes through.
class RowReader {
 public:
  RowReader(const fs::path& path, const RowTaker& take) : path_(path), take_(take) {}

  void read(const std::shared_ptr<arrow::io::RandomAccessFile>& file) {
    open(file);
    const arrow::Schema& schema = *batches_->schema();
    std::set<std::string> names;
    for (const auto& field : schema.fields())
      if (!names.insert(field->name()).second)
        throw Error(path_.string(), fmt::format("the column \"{}\" twice", field->name()), "each column once");
    while (const auto batch = next()) {
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        RecordRow record = guarded([&] { return record_of(*batch, row); });
        take_(std::move(record), fmt::format("{}, row {}", path_.string(), position_));
        ++position_;
      }
    }
  }

 private:
  template <class Action>
  auto guarded(Action&& action) -> decltype(action()) {
    try {
      return action();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& failure) {
      fail(path_, failure.what());
    }
  }

  void open(const std::shared_ptr<arrow::io::RandomAccessFile>& file) {
    guarded([&] {
      parquet::ArrowReaderProperties properties(/*use_threads=*/false);
      properties.set_batch_size(kBatchRows);
      properties.set_pre_buffer(false);
      parquet::arrow::FileReaderBuilder builder;
      parquet::ReaderProperties bytes(&pool_);
      bytes.enable_buffered_stream();
      require(builder.Open(file, bytes), path_);
      builder.memory_pool(&pool_)->properties(properties);
      reader_ = value_of(builder.Build(), path_);
      batches_ = value_of(reader_->GetRecordBatchReader(), path_);
    });
  }

  std::shared_ptr<arrow::RecordBatch> next() {
    return guarded([&] {
      std::shared_ptr<arrow::RecordBatch> batch;
      require(batches_->ReadNext(&batch), path_);
      if (batch) require(batch->ValidateFull(), path_);  // UTF-8, too
      return batch;
    });
  }

  RecordRow record_of(const arrow::RecordBatch& batch, std::int64_t row) const {
    RecordRow record{.fields = {}, .position = position_};
    for (int column = 0; column < batch.num_columns(); ++column) {
      const Json value = json_of(*batch.column(column), row);
      if (!value.is_null()) record.fields.emplace(batch.column_name(column), field_text(value));
    }
    return record;
  }

  const fs::path& path_;
  const RowTaker& take_;
  std::int64_t position_ = 0;
  arrow::CappedMemoryPool pool_{arrow::default_memory_pool(), kMostMemory};
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
};

}  // namespace

bool is_parquet(const fs::path& path) {
  std::array<char, kParquetMagic.size()> beginning{};
  std::ifstream file(path, std::ios::binary);
  file.read(beginning.data(), beginning.size());
  return file.gcount() == beginning.size() && std::string_view(beginning.data(), beginning.size()) == kParquetMagic;
}

void for_each_parquet_row(const fs::path& path, const RowTaker& take) {
  RowReader(path, take).read(value_of(arrow::io::ReadableFile::Open(path.string()), path));
}

void for_each_parquet_row(std::string_view content, const fs::path& path, const RowTaker& take) {
  RowReader(path, take)
      .read(std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(std::string(content))));
}

}  // namespace qreason
