#include "model/sliding_window.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "model/shown_json.h"

namespace qreason {
namespace {

using Windows = ArchitectureFacts::Windows;

constexpr std::int64_t kMaxWindow = std::int64_t{1} << 30;
// Of the classes in transformers.
constexpr std::int64_t kDefaultWindow = 4096, kDefaultFirstLayer = 28;
constexpr const char* kSlides = "sliding_attention";
constexpr const char* kFull = "full_attention";

bool is_null(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_null();
}

// Nothing where the key is null.
std::optional<std::int64_t> size_of(const Json& json, const std::string& where) {
  if (is_null(json, "sliding_window")) return std::nullopt;
  const std::int64_t size = json_int_if(json, "sliding_window", where).value_or(kDefaultWindow);
  if (size >= 1 && size <= kMaxWindow) return size;
  throw Error(where, fmt::format("\"sliding_window\" is {}", size), fmt::format("1 to {}, or null", kMaxWindow));
}

// By layer, whether "layer_types" says that it slides; nothing without the key.
std::optional<std::vector<bool>> types_of(const Json& json, const std::string& where, std::int64_t layers) {
  const auto types = json.find("layer_types");
  if (types == json.end() || types->is_null()) return std::nullopt;
  if (!types->is_array() || types->size() != static_cast<std::size_t>(layers)) {
    throw Error(where, fmt::format("\"layer_types\" is {}", shown(*types)), "a list with one entry a layer");
  }
  std::vector<bool> slides;
  for (const Json& type : *types) {
    if (type != kFull && type != kSlides) {
      throw Error(where, fmt::format("\"layer_types\" holds {}", shown(type)),
                  fmt::format("\"{}\" or \"{}\"", kFull, kSlides));
    }
    slides.push_back(type == kSlides);
  }
  return slides;
}

bool all_are(const std::vector<bool>& slides, bool value) {
  return std::all_of(slides.begin(), slides.end(), [&](bool layer) { return layer == value; });
}

void require_types(const std::optional<std::vector<bool>>& types, bool slides, const std::string& where) {
  if (!types || all_are(*types, slides)) return;
  throw Error(where, fmt::format("\"layer_types\" holds \"{}\"", slides ? kFull : kSlides),
              fmt::format("\"{}\" everywhere, as the other fields say", slides ? kSlides : kFull));
}

std::vector<bool> from_layer_on(std::int64_t first, std::int64_t layers) {
  std::vector<bool> slides;
  for (std::int64_t layer = 0; layer < layers; ++layer) slides.push_back(layer >= first);
  return slides;
}

std::optional<SlidingWindow> some_layers(const Json& json, const std::string& where, std::int64_t layers) {
  std::optional<std::vector<bool>> types = types_of(json, where, layers);
  const bool used = json_bool_if(json, "use_sliding_window", where).value_or(false);
  const std::optional<std::int64_t> size = used ? size_of(json, where) : std::nullopt;
  if (!size) {
    require_types(types, false, where);
    return std::nullopt;
  }
  if (!types) {
    const std::int64_t first = json_int_if(json, "max_window_layers", where).value_or(kDefaultFirstLayer);
    if (first < 0) throw Error(where, fmt::format("\"max_window_layers\" is {}", first), "0 or more");
    types = from_layer_on(first, layers);
  }
  if (all_are(*types, false)) return std::nullopt;
  if (all_are(*types, true)) types->clear();
  return SlidingWindow{.size = *size, .layers = std::move(*types)};
}

}  // namespace

std::optional<SlidingWindow> parse_sliding_window(const Json& json, const std::string& where,
                                                  const ArchitectureFacts& facts, std::int64_t layers) {
  if (facts.windows == Windows::kSome) return some_layers(json, where, layers);
  const bool used = json_bool_if(json, "use_sliding_window", where).value_or(false);
  if (facts.windows == Windows::kAll) {
    if (used) throw Error(where, "\"use_sliding_window\" is true", "\"sliding_window\" alone");
    const std::optional<std::int64_t> size = size_of(json, where);
    require_types(types_of(json, where, layers), size.has_value(), where);
    return size ? std::optional(SlidingWindow{.size = *size, .layers = {}}) : std::nullopt;
  }
  const std::string expected = fmt::format("none ({} has no sliding windows)", facts.class_name);
  if (used) throw Error(where, "\"use_sliding_window\" is true", expected);
  // One beside use_sliding_window false is not used; alone it is a Mistral's in disguise.
  const auto size = json_int_if(json, "sliding_window", where);
  if (size && !json.contains("use_sliding_window")) {
    throw Error(where, fmt::format("\"sliding_window\" is {}", *size), expected);
  }
  require_types(types_of(json, where, layers), false, where);
  return std::nullopt;
}

void put_sliding_window(const std::optional<SlidingWindow>& window, const ArchitectureFacts& facts, OrderedJson& json) {
  const bool some = window && !window->layers.empty();
  if ((window && facts.windows == Windows::kNone) || (some && facts.windows == Windows::kAll)) {
    throw Error("sliding_window", fmt::format("a window of {} in {} blocks", window->size, some ? "some" : "all"),
                fmt::format("what {} has", facts.class_name));
  }
  if (facts.windows == Windows::kAll) {
    // Null, not absent, which means the default.
    json["sliding_window"] = window ? OrderedJson(window->size) : OrderedJson(nullptr);
  }
  if (facts.windows != Windows::kSome) return;
  if (window) {
    const auto first = std::find(window->layers.begin(), window->layers.end(), true);
    const std::int64_t from = some ? first - window->layers.begin() : 0;
    if (some && window->layers != from_layer_on(from, std::ssize(window->layers))) {
      json["layer_types"] = OrderedJson::array();
      for (const bool slides : window->layers) json["layer_types"].push_back(slides ? kSlides : kFull);
    } else {
      json["max_window_layers"] = from;
    }
    json["sliding_window"] = window->size;
  }
  json["use_sliding_window"] = window.has_value();
}

}  // namespace qreason
