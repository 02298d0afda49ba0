#include "model/shown_json.h"

namespace qreason {

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text.replace(60, std::string::npos, "...");
  return text;
}

}  // namespace qreason
