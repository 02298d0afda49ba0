#include "base/name_pattern.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace qreason {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return NamePattern(pattern, "test").matches_beginning_of(name);
}

// What Python 3.11's re.match says.
TEST(NamePattern, MatchesAsPythonDoes) {
  const std::string down = "model.layers.10.mlp.down_proj";
  struct Case {
    const char* pattern;
    bool matches;
  };
  for (const Case& c : {Case{".*layers\\.0\\.mlp\\..*", false},
                        {".*layers\\.10\\.mlp\\..*", true},
                        {".*down_proj.*", true},
                        {"down_proj", false},
                        {"model", true},
                        {"model$", false},
                        {"^model\\.layers\\.(\\d|1[0-5])\\.mlp", true},
                        {"^model\\.layers\\.(\\d|2[0-5])\\.mlp", false},
                        {".*\\.(gate|up)_proj$", false},
                        {".*\\.(?:gate|up|down)_proj$", true},
                        {"(?!.*self_attn)model.*", true},
                        {"(?!.*mlp)model.*", false},
                        {"(?=.*mlp)model", true},
                        {"[a-z]+\\.[^.]+\\.\\d{2}\\.", true},
                        {"[a-z]+\\.[^.]+\\.\\d{3}\\.", false},
                        {"[a-z]+\\.[^.]+\\.\\d{1,3}\\.", true},
                        {"[a-z]+\\.[^.]+\\.\\d{3,}", false},
                        {"(?P<all>.*)\\bmlp\\b", true},
                        {"model.*?proj\\Z", true},
                        {"", true},
                        {"|x", true},
                        {"model.layers.1", true},
                        {"[\\w.]*", true},
                        {"[]a]", false},
                        {"[m\\-]odel", true},
                        {"[a-]*model", true},
                        {"\\S+$", true},
                        {"mo{1}del", true},
                        {"m(o|d)*e", true},
                        {"\\_", false}}) {
    EXPECT_EQ(matches(c.pattern, down), c.matches) << c.pattern;
  }
  EXPECT_TRUE(matches("a{,2}b", "aab"));
  EXPECT_FALSE(matches("a{,2}b", "aaab"));
  EXPECT_TRUE(matches("(a?){3}b", "ab"));
}

TEST(NamePattern, TakesNoExponentialTime) {
  const std::string name(200, 'a');
  EXPECT_FALSE(matches("(a*)*b", name));
  EXPECT_FALSE(matches("(a|a)*$b", name));
  EXPECT_FALSE(matches("(.*)(.*)(.*)(.*)(.*)(.*)b", name));
  EXPECT_THROW(matches("((((a{1,1000}){1,1000}){1,1000}){1,1000}){1000}b", name), Error);
}

TEST(NamePattern, RefusesWhatItDoesNotKnow) {
  for (const char* pattern :
       {"(",      ")",       "a)", "[",   "[a",    "*",       "+a",        "a**", "a{2",   "a{x}",
        "a{3,2}", "a{1001}", "\\", "\\1", "(?i)a", "(?<=a)b", "(?P=name)", "\\n", "[z-a]", "(?P<x"}) {
    EXPECT_THROW(matches(pattern, "model"), Error) << pattern;
  }
  EXPECT_THROW(matches(std::string(200, '('), "model"), Error);
  EXPECT_THROW(matches(std::string(5000, 'a'), "model"), Error);
}

}  // namespace
}  // namespace qreason
