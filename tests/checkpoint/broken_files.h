// What the tests of hostile files share: writing bytes, opening them, and the promise that an Error is all that
// happens.
#pragma once

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "../../fuzz/file_in_memory.h"
#include "base/error.h"

namespace qreason::testing {

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(stream.good());
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

// The message of the Error that `action` throws, "" when it throws none. Any other exception (std::bad_alloc above all)
// fails the test, as a second line in a message does.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& failure) {
    const std::string message = failure.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  } catch (const std::exception& failure) {
    ADD_FAILURE() << "another exception: " << failure.what();
    return failure.what();
  }
  return "";
}

// While it lives the process can map only `megabytes` more than it has: a large allocation is std::bad_alloc.
// Sanitizers map what they like, so there it does nothing.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::uint64_t megabytes) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    ::getrlimit(RLIMIT_AS, &before_);
    rlimit limited = before_;
    limited.rlim_cur = pages * 4096 + (megabytes << 20);
    active_ = ::setrlimit(RLIMIT_AS, &limited) == 0;
#else
    static_cast<void>(megabytes);
#endif
  }
  ~MemoryLimit() {
    if (active_) ::setrlimit(RLIMIT_AS, &before_);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  rlimit before_{};
  bool active_ = false;
};

// Opens `whole` cut off after every byte of its first `header` and at many places of the rest, and with every byte of
// the header changed in several ways. `open` may throw Errors only; a cut file must, a changed one need not.
inline void try_every_damage(const std::string& whole, std::size_t header,
                             const std::function<void(const std::filesystem::path&)>& open) {
  const auto error_with = [&](const std::string& bytes) {
    const fuzz::FileInMemory file({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    return error_of([&] { open(file.path()); });
  };
  ASSERT_EQ(error_with(whole), "");
  for (std::size_t length = 0; length < whole.size(); length += length < header ? 1 : 13) {
    ASSERT_NE(error_with(whole.substr(0, length)), "") << "cut to " << length << " of " << whole.size();
  }
  for (std::size_t at = 0; at < header; ++at) {
    for (const int change : {0x01, 0x20, 0x80, 0xff}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      error_with(changed);
      ASSERT_FALSE(::testing::Test::HasFailure()) << "byte " << at << " changed by " << change;
    }
  }
}

}  // namespace qreason::testing
