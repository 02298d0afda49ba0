// The program and its tests use the system's C++ library, not the copies of parts of it that libtorch exports.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace qreason {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The library whose symbol the loader gives to everyone who asks for it by name.
std::string provider_of(const char* symbol) {
  Dl_info info{};
  void* address = ::dlsym(RTLD_DEFAULT, symbol);
  return address != nullptr && ::dladdr(address, &info) != 0 ? info.dli_fname : "nobody";
}

TEST(LibraryOrder, TakesFileSystemFunctionsFromTheSystemsLibrary) {
  // std::filesystem::remove_all(path const&), and the constructor of the iterator that it walks with.
  EXPECT_THAT(provider_of("_ZNSt10filesystem10remove_allERKNS_7__cxx114pathE"), Not(HasSubstr("libtorch")));
  EXPECT_THAT(provider_of("_ZNSt10filesystem7__cxx1128recursive_directory_iteratorppEv"), Not(HasSubstr("libtorch")));
}

}  // namespace
}  // namespace qreason
