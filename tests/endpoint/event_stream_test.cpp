#include "endpoint/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;

// The stream given in pieces of `size` bytes.
std::vector<std::string> events_of(const std::string& stream, std::size_t size) {
  EventStream events(1000);
  std::vector<std::string> all;
  for (std::size_t at = 0; at < stream.size(); at += size)
    events.feed(stream.substr(at, size), [&](std::string_view data) { all.emplace_back(data); });
  return all;
}

// The examples of WHATWG HTML, section 9.2.6, and the line ends of 9.2.5.
TEST(EventStream, GivesTheDataOfEachEventHoweverItIsCut) {
  for (const std::size_t size : {1, 2, 3, 7, 1000}) {
    EXPECT_THAT(events_of("data: YHOO\ndata: +2\ndata: 10\n\n", size), ElementsAre("YHOO\n+2\n10"));
    EXPECT_THAT(
        events_of(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", size),
        ElementsAre("first event", "second event", " third event"));
    EXPECT_THAT(events_of("data\n\ndata\ndata\n\ndata:", size), ElementsAre("", "\n"));
    EXPECT_THAT(events_of("data: a\r\n\r\ndata: b\r\rdata: c\n\n", size), ElementsAre("a", "b", "c"));
    EXPECT_THAT(events_of("event: x\ndatum: 1\n\n", size), ElementsAre());
  }
}

TEST(EventStream, RefusesAnEventWithoutEnd) {
  EventStream events(100);
  const auto ignore = [](std::string_view) {};
  EXPECT_THROW(
      {
        for (int i = 0; i < 30; ++i) events.feed("data: 1234\n", ignore);
      },
      Error);
  EventStream line(100);
  EXPECT_THROW(line.feed(std::string(101, 'x'), ignore), Error);
}

}  // namespace
}  // namespace qreason
