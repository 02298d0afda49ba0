// The values of a template: Python's, as far as templates can see them. Values are cheap to copy (shared, immutable but
// for namespaces and loops) and never form cycles: namespaces, loops and callables cannot be put into containers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tokenizer/jinja/runtime.h"

namespace qreason::jinja {

enum class Kind { kUndefined, kNone, kBool, kInt, kFloat, kString, kList, kTuple, kDict, kNamespace, kLoop, kCallable };

class Value;
struct Sequence;
struct Mapping;
struct Namespace;
struct LoopState;
struct Callable;
using Values = std::vector<Value>;
using Pairs = std::vector<std::pair<Value, Value>>;

class Value {
 public:
  Value() = default;                        // None
  static Value undefined(std::string why);  // `why` is the message of the error that using it would be
  static Value of(bool value);
  static Value of(std::int64_t value);
  static Value of(double value);
  static Value of(std::string text);
  static Value of(std::string_view text) { return of(std::string(text)); }
  static Value of(const char* text) { return of(std::string(text)); }
  // Elements that would nest too deep or make cycles are an Error.
  static Value list(Runtime& runtime, Values items);
  static Value tuple(Runtime& runtime, Values items);
  static Value dict(Runtime& runtime, Pairs pairs);  // a later equal key replaces the value of the earlier one
  static Value of(std::shared_ptr<Namespace> value);
  static Value of(std::shared_ptr<LoopState> value);
  static Value of(std::shared_ptr<const Callable> value);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  bool is_number() const { return kind_ == Kind::kBool || kind_ == Kind::kInt || kind_ == Kind::kFloat; }
  bool is_integral() const { return kind_ == Kind::kBool || kind_ == Kind::kInt; }

  std::int64_t integer() const;     // bool or int
  double number() const;            // bool, int or float
  const std::string& text() const;  // string, or the message of an undefined
  const Values& items() const;      // list or tuple
  const Pairs& pairs() const;       // dict
  Namespace& name_space() const;
  LoopState& loop() const;
  const Callable& callable() const;

  int nesting() const;           // 0 for what is no container
  const void* identity() const;  // of shared ones, else null

 private:
  using Data = std::variant<std::monostate, bool, std::int64_t, double, std::shared_ptr<const std::string>,
                            std::shared_ptr<const Sequence>, std::shared_ptr<const Mapping>, std::shared_ptr<Namespace>,
                            std::shared_ptr<LoopState>, std::shared_ptr<const Callable>>;
  Value(Kind kind, Data data) : kind_(kind), data_(std::move(data)) {}
  Kind kind_ = Kind::kNone;
  Data data_;
};

struct Sequence {
  Values items;
  int nesting;
};
struct Mapping {
  Pairs pairs;
  int nesting;
};
struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;

  const Value* find(std::string_view name) const;
  void set(const std::string& name, Value value);
};
struct LoopState {
  Values items;
  std::size_t index = 0;
  bool changed_before = false;
  std::vector<Value> last_changed;  // arguments of the last loop.changed()
};

// As Python's messages name types: "str", "dict", "NoneType".
std::string_view type_name(const Value& value);

bool truth(const Value& value);
bool equal(Runtime& runtime, const Value& a, const Value& b);
// -1, 0, 1 for values that Python orders; an Error otherwise.
int compare(Runtime& runtime, const Value& a, const Value& b);
const Value* find_key(Runtime& runtime, const Value& dict, const Value& key);

std::string to_text(Runtime& runtime, const Value& value);  // str()
std::string to_repr(Runtime& runtime, const Value& value);  // repr()
std::string float_text(double value);

// The elements a for loop visits: items, keys, characters; nothing for undefined. An Error for the others.
Values iterate(Runtime& runtime, const Value& value);

// Throws the error that using an undefined value is.
void require_defined(const Runtime& runtime, const Value& value);

}  // namespace qreason::jinja
