// Trees of files as Linux shows them inside and outside of containers, with limits chosen by hand.
#include "base/memory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "support/fixtures.h"

namespace qreason {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

class AvailableMemory : public ::testing::Test {
 protected:
  AvailableMemory() : files_{folder_ / "meminfo", folder_ / "membership", folder_ / "cgroup"} {
    write("meminfo", "MemTotal:  16777216 kB\nMemFree: 1 kB\nMemAvailable:   8192 kB\n");  // 8 MiB
  }

  void write(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void group2(const std::string& name, const std::string& limit, std::uint64_t used, std::uint64_t cached) {
    write(name + "/memory.max", limit + "\n");
    write(name + "/memory.current", std::to_string(used));
    write(name + "/memory.stat", "anon 5\ninactive_file " + std::to_string(cached) + "\nactive_file 0\n");
  }

  testing::ScratchFolder temporary_;
  std::filesystem::path folder_ = temporary_.path();
  MemoryFiles files_;
};

TEST_F(AvailableMemory, IsWhatTheMachineSaysWhereNothingLimitsIt) {
  EXPECT_EQ(available_memory(files_), 8 * kMiB);
  group2("cgroup", "max", kMiB, 0);
  EXPECT_EQ(available_memory(files_), 8 * kMiB);
}

TEST_F(AvailableMemory, IsUnboundedWhereNothingCanBeTold) {
  files_.meminfo = folder_ / "none";
  EXPECT_EQ(available_memory(files_), kUnknown);
}

TEST_F(AvailableMemory, ObeysTheLimitOfAContainer) {
  group2("cgroup", std::to_string(4 * kMiB), kMiB, 0);
  write("membership", "0::/\n");
  EXPECT_EQ(available_memory(files_), 3 * kMiB);
  group2("cgroup", std::to_string(4 * kMiB), 5 * kMiB, 0);
  EXPECT_EQ(available_memory(files_), 0u);
}

TEST_F(AvailableMemory, CountsCachedFilesOfAGroupAsFree) {
  group2("cgroup", std::to_string(4 * kMiB), 4 * kMiB, 2 * kMiB);
  EXPECT_EQ(available_memory(files_), 2 * kMiB);
}

TEST_F(AvailableMemory, ObeysTheTightestGroupOnTheWayUp) {
  group2("cgroup/user.slice", std::to_string(2 * kMiB), kMiB, 0);
  group2("cgroup/user.slice/session", std::to_string(6 * kMiB), kMiB, 0);
  write("membership", "0::/user.slice/session\n");
  EXPECT_EQ(available_memory(files_), kMiB);
}

TEST_F(AvailableMemory, ObeysGroupsOfTheFirstVersion) {
  write("membership", "7:cpu,cpuacct:/a\n5:hugetlb,memory:/docker/abc\n");
  write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712");  // none
  write("cgroup/memory/memory.usage_in_bytes", "1");
  EXPECT_EQ(available_memory(files_), 8 * kMiB);
  write("cgroup/memory/docker/abc/memory.limit_in_bytes", std::to_string(3 * kMiB));
  write("cgroup/memory/docker/abc/memory.usage_in_bytes", std::to_string(2 * kMiB));
  write("cgroup/memory/docker/abc/memory.stat", "cache 1\ntotal_inactive_file 1048576\ntotal_active_file 0\n");
  EXPECT_EQ(available_memory(files_), 2 * kMiB);
  // Inside a container the path of the membership is not there and the root is the container's own group.
  write("membership", "5:memory:/docker/other\n");
  write("cgroup/memory/memory.limit_in_bytes", std::to_string(kMiB));
  write("cgroup/memory/memory.usage_in_bytes", "0");
  EXPECT_EQ(available_memory(files_), kMiB);
}

TEST(Bytes, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_bytes("1073741824"), 1u << 30);
  EXPECT_EQ(parse_bytes("1024M"), 1u << 30);
  EXPECT_EQ(parse_bytes("1.5G"), 3u << 29);
  EXPECT_EQ(parse_bytes("512 MiB"), 512 * kMiB);
  EXPECT_EQ(parse_bytes("2kb"), 2048u);
  EXPECT_EQ(parse_bytes("7B"), 7u);
  for (const char* wrong : {"", "M", "-1", "0", "1X", "1MM", "1 M M", "nan", "inf", "1e400", "99999999999T", "0x10"}) {
    EXPECT_EQ(parse_bytes(wrong), std::nullopt) << wrong;
  }
}

TEST(Bytes, AreWrittenForPeople) {
  EXPECT_EQ(bytes_text(812), "812 B");
  EXPECT_EQ(bytes_text(98356429), "93.8 MiB");
}

}  // namespace
}  // namespace qreason
