// Chains of arithmetic with precedence and parentheses, reduced one operation at a time.
#include <fmt/format.h>

#include <algorithm>

#include <memory>
#include <vector>

#include "data/steps/draft.h"

namespace qreason {
namespace {

// Difficulty is the number of steps: each is one that a person does by heart (products within the table of twelve).
constexpr std::int64_t kLargestValue = 199, kLargestLeaf = 40, kLargestFactor = 12;

struct Node {
  std::int64_t value = 0;
  char op = 0;  // 0: a number
  std::unique_ptr<Node> left, right;
};

int precedence(char op) {
  return op == 0 ? 3 : op == '*' || op == '/' ? 2 : 1;
}

std::string written(const Node& node) {
  if (node.op == 0) return fmt::format("{}", node.value);
  const int own = precedence(node.op);
  const bool left = precedence(node.left->op) < own;
  // a-(b-c) and a/(b*c) keep their parentheses; sums and products do not need them.
  const int right_precedence = precedence(node.right->op);
  const bool right = right_precedence < own ||
                     (right_precedence == own && (node.op == '-' || node.op == '/' || node.right->op == '/'));
  return fmt::format("{}{}{}{}{}{}{}", left ? "(" : "", written(*node.left), left ? ")" : "", node.op, right ? "(" : "",
                     written(*node.right), right ? ")" : "");
}

std::int64_t value_of(char op, std::int64_t a, std::int64_t b) {
  return op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
}

// The tree that a reader sees in written(): operators of one precedence from left to right, a+(b-c) as (a+b)-c. Only
// then is every operation on two numbers right to do next.
std::unique_ptr<Node> as_read(std::unique_ptr<Node> node) {
  if (node->op == 0) return node;
  node->left = as_read(std::move(node->left));
  node->right = as_read(std::move(node->right));
  const char inner = node->right->op;
  const bool sum = node->op == '+' && (inner == '+' || inner == '-'), product = node->op == '*' && inner == '*';
  if (sum || product) {
    std::unique_ptr<Node> top = std::move(node->right);
    node->right = std::move(top->left);
    top->left = as_read(std::move(node));
    node = std::move(top);
  }
  node->value = value_of(node->op, node->left->value, node->right->value);
  return node;
}

bool within_bounds(const Node& node) {
  if (node.op == 0) return true;
  const bool factors = node.op != '*' || std::max(node.left->value, node.right->value) <= kLargestFactor;
  return factors && node.value <= kLargestValue && within_bounds(*node.left) && within_bounds(*node.right);
}

// Operators that keep every value a whole number in 0..kLargestValue, each as often as it should come.
std::string possible_operators(std::int64_t a, std::int64_t b) {
  std::string operators;
  if (a + b <= kLargestValue) operators += "++";
  if (a >= b) operators += "--";
  if (std::min(a, b) >= 2 && std::max(a, b) <= kLargestFactor) operators += "***";
  if (b >= 2 && b <= kLargestFactor && a > b && a % b == 0 && a / b <= kLargestFactor) operators += "////";
  return operators;
}

std::unique_ptr<Node> random_expression(PythonRandom& random, int operators) {
  auto node = std::make_unique<Node>();
  if (operators == 0) {
    node->value = random.randint(1, random.randint(1, 3) == 1 ? kLargestLeaf : kLargestFactor);
    return node;
  }
  const int left = static_cast<int>(random.randint(0, operators - 1));
  node->left = random_expression(random, left);
  node->right = random_expression(random, operators - 1 - left);
  if (!node->left || !node->right) return nullptr;
  const std::int64_t a = node->left->value, b = node->right->value;
  const std::string choices = possible_operators(a, b);
  if (choices.empty()) return nullptr;
  node->op = choices[static_cast<std::size_t>(random.randint(0, static_cast<std::int64_t>(choices.size()) - 1))];
  node->value = value_of(node->op, a, b);
  return node;
}

void collect_reducible(Node& node, std::vector<Node*>& found) {
  if (node.op == 0) return;
  if (node.left->op == 0 && node.right->op == 0) {
    found.push_back(&node);
    return;
  }
  collect_reducible(*node.left, found);
  collect_reducible(*node.right, found);
}

void solve(Draft& draft, Node& root, PythonRandom& random) {
  static constexpr std::array<std::string_view, 4> kLeads{"", "First,", "Next,", "Now"};
  static constexpr std::array<std::string_view, 3> kLeaves{"That leaves", "Now we have", "So it becomes"};
  Solution& solution = draft.solution;
  const std::string_view leaves = solution.one_of(kLeaves);
  for (bool first = true; root.op != 0; first = false) {
    std::vector<Node*> reducible;
    collect_reducible(root, reducible);
    const std::size_t last = reducible.size() - 1;
    Node& node =
        *reducible[solution.sometimes(4) ? static_cast<std::size_t>(random.randint(0, static_cast<std::int64_t>(last)))
                                         : 0];
    const std::string_view lead = first ? kLeads[solution.sometimes(2) ? 1 : 0] : kLeads[solution.sometimes(2) ? 0 : 2];
    node.value = solution.calculate(lead, node.left->value, node.op, node.right->value);
    node.op = 0;
    if (root.op != 0) solution.say(fmt::format("{} {}.", leaves, written(root)));
    solution.end_paragraph();
  }
}

}  // namespace

Draft draft_arithmetic(PythonRandom& random, int steps) {
  static constexpr std::array<std::string_view, 5> kQuestions{"Compute {}.", "What is {}?", "Find the value of {}.",
                                                              "Work out {}.", "Evaluate the expression {}."};
  Draft draft{.canonical = {}, .problem = {}, .solution = Solution(random)};
  std::unique_ptr<Node> root = random_expression(random, steps);
  if (root) root = as_read(std::move(root));
  draft.valid = root && within_bounds(*root);
  if (!draft.valid) return draft;
  draft.canonical = written(*root);
  draft.problem = fmt::format(fmt::runtime(draft.solution.one_of(kQuestions)), draft.canonical);
  draft.answer = root->value;
  solve(draft, *root, random);
  return draft;
}

}  // namespace qreason
