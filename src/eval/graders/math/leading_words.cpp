#include "eval/graders/math/leading_words.h"

#include <algorithm>
#include <cstddef>

#include "eval/graders/math/words.h"
#include "eval/graders/taking_back.h"
#include "eval/graders/word_set.h"

namespace qreason::math {
namespace {

constexpr std::string_view kIdleWords =
    "a an the is are was were be will would has have had having it its it's this that these those there here we "
    "you i he she they get gets got getting find finds found obtain obtains obtained give gives gave yield yields "
    "take takes took taking make makes made need needs equal equals equaling so thus hence therefore then finally "
    "also where when which with for of in on at to by as and or answer answers final result results total totals "
    "altogether value values ans exactly only just about approximately around roughly remaining left all "
    "both respectively possible correct required desired needed unique simplified exact numerical overall whose our "
    "your their his her let case cases option options choice choices number numbers amount amounts count counts "
    "quantity quantities solution solutions way ways says costs cost earns earn paid pays pay spent spends spend does "
    "indeed simply clearly definitely certainly surely obviously course again now still always actually really "
    "precisely fact given known calculated "
    "determined confirmed verified computed seen shown easily namely going do must should leaves leave "
    "becomes become comes equivalently giving whenever otherwise such else 共 "
    "一共 总共 约 是 答案 答 答案是 答案为 故 所以 因此 即";

// Beside nouns for things that are counted, units, and the words that may stand in front of these.
constexpr std::string_view kNamingWords =
    "area areas measure perimeter circumference volume length lengths width height heights depth breadth thickness "
    "distance "
    "displacement speed velocity acceleration force mass weight density pressure temperature energy work charge "
    "current voltage resistance frequency period wavelength amplitude phase angle angles slope gradient intercept "
    "intercepts coordinate coordinates vertex vertices focus foci directrix asymptote asymptotes axis center centre "
    "radius radii diameter chord arc side sides edge edges diagonal hypotenuse leg legs altitude median mean mode "
    "average range domain codomain image kernel rank dimension dimensions determinant trace variance deviation "
    "standard expected expectation probability chance chances odds likelihood sum product quotient difference "
    "remainder ratio proportion rate fraction percentage percent price income interest principal balance salary age "
    "ages time duration date score grade degree coefficient constant term terms exponent index order multiplicity "
    "modulus argument magnitude norm real imaginary part parts zeros maximum minimum max min largest smallest highest "
    "lowest biggest longest shortest first second third fourth fifth sixth last initial local global absolute "
    "relative inner outer upper lower right top bottom middle interior exterior surface lateral common arithmetic "
    "geometric harmonic graph graphs line lines quadrant question team car type group set row rows column columns "
    "room stage level segment circle triangle square rectangle sphere cone cylinder cube pyramid parabola ellipse "
    "hyperbola polygon expression divisor factor multiple trapezoid rhombus plane curve function equation derivative "
    "integral antiderivative logarithm limit monday tuesday wednesday thursday friday saturday sunday january "
    "february march april june july august september october november december north south east west heads tails "
    "interval closed open polynomial midpoint positive smaller larger bigger shorter longer older younger gcd lcm gcf "
    "hcf digit digits event events player "
    "players person people class profit loss gain discount tax tip bill fee change increase decrease";

// With "of" and a value directly behind them another value than that one.
constexpr std::string_view kFunctionNouns =
    "sum product quotient difference remainder ratio percent percentage fraction proportion part parts first second "
    "third fourth fifth sixth last quarter quarters gain profit discount change derivative integral antiderivative "
    "logarithm limit root roots graph function kernel image determinant trace norm degree order modulus argument "
    "magnitude floor ceiling equation digit digits subset subsets term terms exponent coefficient index";

constexpr std::string_view kAmountNouns =
    "sum product quotient difference remainder total gain profit discount score distance area ratio";
constexpr std::string_view kReferenceNouns =
    "page pages problem problems chapter section exercise theorem lemma example figure table";
constexpr std::string_view kPriceNouns = "cost costs price prices probability chance chances odds likelihood";

// Without "is" or a colon between them and a value they are applied to it, or refer to a place of that number.
constexpr std::string_view kOperatorNouns =
    "derivative integral antiderivative logarithm limit equation square cube kernel image";

// "the largest of 3 and 5" is not both.
constexpr std::string_view kChoosingWords =
    "maximum minimum max min average mean median mode range largest smallest highest lowest biggest longest shortest "
    "gcd lcm gcf hcf total smaller larger bigger shorter longer older younger";

// In front of a value, or anywhere before it, these change it, or the question, though they are known otherwise.
constexpr std::string_view kChangingWords =
    "not no less more fewer greater most least than over under above up below half twice double triple minus plus "
    "between except every without mod power inverse root negative anything never undefined divisible decreases "
    "decreased increases increased base but from per sq cubic cu error errors log";

constexpr std::string_view kVerbs =
    "is are was were be equals becomes gives equal has have had gets got needs takes took earns earned pays paid "
    "spends spent makes made costs buys bought sells sold eats ate reads gave saves saved owes scored wins won "
    "receives received collects collected";

// Begun with a capital, they are no names.
constexpr std::string_view kNobodies = "nobody nowhere everything everyone everybody anything anyone no";

bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}

}  // namespace

LeadingWord leading_word(std::string_view word) {
  static const WordSet changing = word_set(kChangingWords), idle = word_set(kIdleWords),
                       naming = word_set(kNamingWords);
  const std::string lower = lower_case(word);
  if (changing.contains(lower) || is_negation(lower) || is_rejection(lower)) return LeadingWord::kUnknown;
  if (idle.contains(lower)) return LeadingWord::kIdle;
  const bool names = naming.contains(lower) || is_noun(word) || is_unit_word(word) || is_filler(word);
  return names ? LeadingWord::kNames : LeadingWord::kUnknown;
}

bool alters_statement(std::string_view word) {
  static const WordSet changing = word_set(kChangingWords);
  const std::string lower = lower_case(word);
  return changing.contains(lower) || is_negation(lower) || is_rejection(lower) || is_doubt(lower);
}

bool is_function_noun(std::string_view word) {
  static const WordSet functions = word_set(kFunctionNouns);
  return functions.contains(lower_case(word));
}

bool is_amount_noun(std::string_view word) {
  static const WordSet amounts = word_set(kAmountNouns);
  return amounts.contains(lower_case(word)) || is_price_noun(word);
}

bool is_reference_noun(std::string_view word) {
  static const WordSet references = word_set(kReferenceNouns);
  return references.contains(lower_case(word));
}

bool is_price_noun(std::string_view word) {
  static const WordSet prices = word_set(kPriceNouns);
  return prices.contains(lower_case(word));
}

bool is_operator_noun(std::string_view word) {
  static const WordSet operators = word_set(kOperatorNouns);
  return operators.contains(lower_case(word));
}

bool is_choosing_word(std::string_view word) {
  static const WordSet choosing = word_set(kChoosingWords);
  return choosing.contains(lower_case(word));
}

bool follows_name(std::string_view word) {
  static const WordSet verbs = word_set(kVerbs);
  return verbs.contains(word);
}

bool looks_like_name(std::string_view word) {
  static const WordSet nobodies = word_set(kNobodies);
  if (word.size() < 2 || !is_capital(word[0]) || nobodies.contains(lower_case(word)) || alters_statement(word))
    return false;
  const auto capitals = std::count_if(word.begin(), word.end(), is_capital);
  return capitals == 1 || (word.size() <= 4 && capitals == static_cast<std::ptrdiff_t>(word.size()));
}

bool labels_agree(std::string_view a, std::string_view b) {
  if (a.starts_with(kUnknownLabel) || b.starts_with(kUnknownLabel)) return a == b;
  const auto holds_all_of = [](std::string_view all, std::string_view some) {
    while (some.size() > 1) {
      const std::size_t end = some.find(' ', 1) + 1;
      if (all.find(some.substr(0, end)) == std::string_view::npos) return false;
      some.remove_prefix(end - 1);
    }
    return true;
  };
  return holds_all_of(a, b) || holds_all_of(b, a);
}

}  // namespace qreason::math
