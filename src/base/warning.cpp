#include "base/warning.h"

#include <mutex>
#include <utility>

namespace qreason {
namespace {

struct Channel {
  std::mutex mutex;
  WarningHandler handler;
};

Channel& channel() {
  static Channel one;
  return one;
}

}  // namespace

void warn(const std::string& text) {
  const std::lock_guard lock(channel().mutex);
  if (channel().handler) channel().handler(text);
}

WarningHandler set_warning_handler(WarningHandler handler) {
  const std::lock_guard lock(channel().mutex);
  return std::exchange(channel().handler, std::move(handler));
}

}  // namespace qreason
