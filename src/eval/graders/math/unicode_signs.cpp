#include "eval/graders/math/unicode_signs.h"

#include <string>
#include <unordered_map>

#include "base/utf8.h"

namespace qreason::math {
namespace {

struct Spelling {
  std::string_view sign, latex;
};

struct Sign {
  std::size_t bytes = 0;                // 0: no sign that we know
  std::string_view latex;               // what it stands for; empty: nothing, a space
  char superscript = 0, subscript = 0;  // "x⁴", "x₄": the character that is raised or lowered
};

constexpr Spelling kSpellings[] = {
    {"×", "\\times "},
    {"·", "\\cdot "},
    {"⋅", "\\cdot "},
    {"∙", "\\cdot "},
    {"•", "\\cdot "},
    {"∗", "*"},
    {"⨯", "\\times "},
    {"÷", "/"},
    {"∕", "/"},
    {"⁄", "/"},
    {"−", "-"},
    {"–", "-"},
    {"—", "-"},
    {"‐", "-"},
    {"‑", "-"},
    {"‒", "-"},
    {"―", "-"},
    {"﹣", "-"},
    {"－", "-"},
    {"＋", "+"},
    {"＝", "="},
    {"＜", "<"},
    {"＞", ">"},
    {"／", "/"},
    {"＊", "*"},
    {"＾", "^"},
    {"（", "("},
    {"）", ")"},
    {"［", "["},
    {"］", "]"},
    {"｛", "\\{"},
    {"｝", "\\}"},
    {"｜", "|"},
    {"，", ","},
    {"、", ","},
    {"；", ";"},
    {"：", ":"},
    {"∶", ":"},
    {"．", "."},
    {"。", "."},
    {"％", "%"},
    {"！", "!"},
    {"＿", "_"},
    {"’", "'"},
    {"′", "'"},
    {"π", "\\pi "},
    {"α", "\\alpha "},
    {"β", "\\beta "},
    {"γ", "\\gamma "},
    {"δ", "\\delta "},
    {"ε", "\\epsilon "},
    {"θ", "\\theta "},
    {"λ", "\\lambda "},
    {"μ", "\\mu "},
    {"µ", "\\mu "},
    {"ρ", "\\rho "},
    {"σ", "\\sigma "},
    {"τ", "\\tau "},
    {"φ", "\\phi "},
    {"ϕ", "\\phi "},
    {"ψ", "\\psi "},
    {"ω", "\\omega "},
    {"Δ", "\\Delta "},
    {"Ω", "\\Omega "},
    {"Ω", "\\Omega "},
    {"Σ", "\\Sigma "},
    {"Φ", "\\Phi "},
    {"ζ", "\\zeta "},
    {"η", "\\eta "},
    {"√", "\\sqrt "},
    {"∛", "\\sqrt[3]"},
    {"∜", "\\sqrt[4]"},
    {"∞", "\\infty "},
    {"≤", "\\le "},
    {"≥", "\\ge "},
    {"⩽", "\\le "},
    {"⩾", "\\ge "},
    {"≦", "\\le "},
    {"≧", "\\ge "},
    {"≠", "\\ne "},
    {"≈", "\\approx "},
    {"≃", "\\approx "},
    {"∼", "\\approx "},
    {"≡", "\\equiv "},
    {"∪", "\\cup "},
    {"∩", "\\cap "},
    {"∈", "\\in "},
    {"∖", "\\setminus "},
    {"⋃", "\\cup "},
    {"⋂", "\\cap "},
    {"∑", "\\sum "},
    {"∏", "\\prod "},
    {"𝜋", "\\pi "},
    {"𝝅", "\\pi "},
    {"𝛑", "\\pi "},
    {"𝜃", "\\theta "},
    {"∣", "|"},
    {"±", "\\pm "},
    {"∓", "\\mp "},
    {"∅", "\\emptyset "},
    {"Ø", "\\emptyset "},
    {"ø", "\\emptyset "},
    {"ℝ", "\\reals "},
    {"ℤ", "\\mathbb{Z}"},
    {"ℕ", "\\mathbb{N}"},
    {"ℚ", "\\mathbb{Q}"},
    {"ℂ", "\\mathbb{C}"},
    {"°", "^\\circ "},
    {"º", "^\\circ "},
    {"˚", "^\\circ "},
    {"℃", "^\\circ\\text{C}"},
    {"℉", "^\\circ\\text{F}"},
    {"⌊", "\\lfloor "},
    {"⌋", "\\rfloor "},
    {"⌈", "\\lceil "},
    {"⌉", "\\rceil "},
    {"⟨", "\\langle "},
    {"⟩", "\\rangle "},
    {"…", "\\ldots "},
    {"⋯", "\\ldots "},
    {"→", "\\to "},
    {"⇒", "\\implies "},
    {"∠", "\\angle "},
    {"△", "\\triangle "},
    {"€", "\\euro "},
    {"£", "\\pounds "},
    {"¥", "\\yen "},
    {"￥", "\\yen "},
    {"₹", "\\rupee "},
    {"₽", "\\rouble "},
    {"¢", "\\cent "},
    {"½", "\\frac12 "},
    {"⅓", "\\frac13 "},
    {"⅔", "\\frac23 "},
    {"¼", "\\frac14 "},
    {"¾", "\\frac34 "},
    {"⅕", "\\frac15 "},
    {"⅖", "\\frac25 "},
    {"⅗", "\\frac35 "},
    {"⅘", "\\frac45 "},
    {"⅙", "\\frac16 "},
    {"⅚", "\\frac56 "},
    {"⅐", "\\frac17 "},
    {"⅛", "\\frac18 "},
    {"⅜", "\\frac38 "},
    {"⅝", "\\frac58 "},
    {"⅞", "\\frac78 "},
    {"⅑", "\\frac19 "},
    {"⅒", "\\frac{1}{10}"},
    {"“", ""},
    {"”", ""},
    {"\u00a0", ""},
    {"\u2000", ""},
    {"\u2001", ""},
    {"\u2002", ""},
    {"\u2003", ""},
    {"\u2004", ""},
    {"\u2005", ""},
    {"\u2006", ""},
    {"\u2007", ""},
    {"\u2008", ""},
    {"\u2009", ""},
    {"\u200a", ""},
    {"\u200b", ""},
    {"\u200c", ""},
    {"\u200d", ""},
    {"\u202f", ""},
    {"\u205f", ""},
    {"\u2060", ""},
    {"\u2061", ""},
    {"\u2062", ""},
    {"\u3000", ""},
    {"\ufeff", ""},
    {"✓", ""},
    {"✅", ""},
};

constexpr Spelling kRaised[] = {{"⁰", "0"}, {"¹", "1"}, {"²", "2"}, {"³", "3"}, {"⁴", "4"}, {"⁵", "5"},
                                {"⁶", "6"}, {"⁷", "7"}, {"⁸", "8"}, {"⁹", "9"}, {"⁺", "+"}, {"⁻", "-"},
                                {"⁽", "("}, {"⁾", ")"}, {"ⁿ", "n"}, {"ⁱ", "i"}, {"ˣ", "x"}};
constexpr Spelling kLowered[] = {{"₀", "0"}, {"₁", "1"}, {"₂", "2"}, {"₃", "3"}, {"₄", "4"}, {"₅", "5"}, {"₆", "6"},
                                 {"₇", "7"}, {"₈", "8"}, {"₉", "9"}, {"₊", "+"}, {"₋", "-"}, {"ₙ", "n"}, {"ₓ", "x"}};

const std::unordered_map<std::string_view, Sign>& signs() {
  static const auto* const all = [] {
    auto* map = new std::unordered_map<std::string_view, Sign>;
    for (const Spelling& s : kSpellings) map->emplace(s.sign, Sign{s.sign.size(), s.latex, 0, 0});
    for (const Spelling& s : kRaised) map->emplace(s.sign, Sign{s.sign.size(), {}, s.latex[0], 0});
    for (const Spelling& s : kLowered) map->emplace(s.sign, Sign{s.sign.size(), {}, 0, s.latex[0]});
    return map;
  }();
  return *all;
}

constexpr std::string_view kAscii =
    "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

std::string_view ascii(char32_t code) {
  return kAscii.substr(code - '!', 1);
}

// Full-width forms, and the letters and digits that mathematical alphabets repeat.
std::string_view look_alike(char32_t code) {
  if ((code >= 0xFF10 && code <= 0xFF19) || (code >= 0xFF21 && code <= 0xFF3A) || (code >= 0xFF41 && code <= 0xFF5A))
    return ascii(code - 0xFF01 + '!');
  if (code >= 0x1D400 && code < 0x1D6A4) {
    const char32_t letter = (code - 0x1D400) % 52;
    return ascii(letter < 26 ? U'A' + letter : U'a' + letter - 26);
  }
  if (code >= 0x1D7CE && code <= 0x1D7FF) return ascii(U'0' + (code - 0x1D7CE) % 10);
  if (code == 0x210E) return "h";
  return {};
}

char32_t code_point(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(bytes[i])); };
  if (bytes.size() == 2) return ((byte(0) & 0x1F) << 6) | (byte(1) & 0x3F);
  if (bytes.size() == 3) return ((byte(0) & 0x0F) << 12) | ((byte(1) & 0x3F) << 6) | (byte(2) & 0x3F);
  if (bytes.size() == 4)
    return ((byte(0) & 0x07) << 18) | ((byte(1) & 0x3F) << 12) | ((byte(2) & 0x3F) << 6) | (byte(3) & 0x3F);
  return byte(0);
}

// The sign that `text` begins with.
Sign sign_at(std::string_view text) {
  const std::size_t length = utf8_character_length(text);
  if (length < 2) return {};
  const std::string_view bytes = text.substr(0, length);
  if (const auto found = signs().find(bytes); found != signs().end()) return found->second;
  const std::string_view plain = look_alike(code_point(bytes));
  return plain.empty() ? Sign{} : Sign{length, plain, 0, 0};
}

}  // namespace

std::string in_latex(std::string_view text) {
  std::string result;
  char open = 0;  // '^' or '_' whose group is being written
  const auto close = [&] {
    if (open != 0) result += '}';
    open = 0;
  };
  for (std::size_t i = 0; i < text.size();) {
    const bool ascii_byte = static_cast<unsigned char>(text[i]) < 0x80;
    const Sign sign = ascii_byte ? Sign{} : sign_at(text.substr(i));
    const char level = sign.superscript != 0 ? '^' : sign.subscript != 0 ? '_' : char{0};
    if (level != open) close();
    if (sign.bytes == 0) {
      result += text[i++];
      continue;
    }
    if (level != 0) {
      if (open == 0) result.append(1, level).append("{");
      open = level;
      result += sign.superscript != 0 ? sign.superscript : sign.subscript;
    } else {
      result += sign.latex.empty() ? std::string_view(" ") : sign.latex;
    }
    i += sign.bytes;
    if (sign.latex.starts_with("\\sqrt")) {  // "√12" is the root of 12, where "\sqrt 12" is that of 1
      std::size_t end = i;
      while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
      if (end > i) result.append("{").append(text.substr(i, end - i)).append("}");
      i = end;
    }
  }
  close();
  return result;
}

}  // namespace qreason::math
