// ast.literal_eval. Python first parses any expression and then complains about the first part that is no literal, so
// this parser knows the whole expression grammar (without `await`, `yield`, `:=` and the inside of f-strings) but keeps
// of each node only what a complaint needs.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "value/python.hpp"
#include "value/python_tokens.hpp"

namespace squall::python {

namespace {

constexpr int kNestingMax = 200;

struct Node {
  std::string_view kind = "Constant";  // the ast class
  int line = 1;
  Value value;
  std::optional<Error> fault;  // why literal_eval refuses the node
  bool number = false;         // a plain int, float or complex constant
  bool complex = false;
  bool sign = false;  // unary + or -
};

Error value_error(std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message)).with_type("ValueError");
}

Error malformed(const Node& node) {
  // Python shows an address; it says nothing to anybody.
  return value_error(fmt::format("malformed node or string on line {}: <ast.{} object at 0x..>", node.line, node.kind));
}

Node faulty(std::string_view kind, int line) {
  Node node{kind, line};
  node.fault = malformed(node);
  return node;
}

std::optional<Error> number_fault(const Node& node) {
  return node.number ? std::nullopt : std::optional(malformed(node));
}
std::optional<Error> signed_number_fault(const Node& node) { return node.sign ? node.fault : number_fault(node); }

Value negated(const Value& number) {
  if (number.is_double()) return Value(-number.as_double());
  const std::string text = repr(number);
  if (text == "0") return number;
  if (text == "9223372036854775808") return Value(INT64_MIN);
  if (number.kind() == Kind::kInt) return Value(-number.as_int());
  return Value::big_int("-" + text);
}

constexpr std::array<std::string_view, 35> kKeywords = {
    "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
    "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
    "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
    "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};

// Binary operators from the loosest to the tightest; comparisons stand between `not` and these.
constexpr std::array<std::array<std::string_view, 5>, 6> kBinary = {{
    {"|"},
    {"^"},
    {"&"},
    {"<<", ">>"},
    {"+", "-"},
    {"*", "/", "//", "%", "@"},
}};
constexpr size_t kAdditive = 4;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<Value> run() {
    SQ_TRY(Node node, expressions());
    while (peek().kind == Token::Kind::kNewline) ++at_;
    if (peek().kind != Token::Kind::kEnd) return fail(syntax());
    if (node.fault) return fail(*node.fault);
    return node.value;
  }

 private:
  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool take(std::string_view op) {
    if (!peek().is(op)) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (!peek().is_word(word)) return false;
    ++at_;
    return true;
  }

  Error syntax() const {
    if (peek().kind == Token::Kind::kEnd) {
      if (const Token* open = unclosed_bracket(tokens_)) {
        return syntax_error(fmt::format("'{}' was never closed", open->text), open->line);
      }
    }
    return syntax_error("invalid syntax", peek().line);
  }

  // Inside brackets, two expressions side by side most likely lack a comma.
  Error missing_separator(const Node& before) const {
    const Token& next = peek();
    const bool starts = next.kind == Token::Kind::kNumber || next.kind == Token::Kind::kString || next.is("(") ||
                        next.is("[") || next.is("{") || next.is("...") ||
                        (next.kind == Token::Kind::kName && !is_keyword(next.text));
    const bool name_and_string = before.kind == "Name" && next.kind == Token::Kind::kString;
    if (starts && !name_and_string && next.level > 0) {
      return syntax_error("invalid syntax. Perhaps you forgot a comma?", before.line);
    }
    return syntax();
  }

  static bool is_keyword(std::string_view word) {
    return std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end();
  }

  // expression (',' expression)* [',']: a tuple when there is a comma.
  Result<Node> expressions() {
    SQ_TRY(Node first, expression());
    if (!peek().is(",")) return first;
    std::vector<Node> items;
    const int line = first.line;
    items.push_back(std::move(first));
    while (take(",")) {
      if (peek().kind == Token::Kind::kEnd || peek().kind == Token::Kind::kNewline) break;
      SQ_TRY(Node item, expression());
      items.push_back(std::move(item));
    }
    return sequence("Tuple", line, std::move(items));
  }

  Result<Node> expression() {
    if (++depth_ > kNestingMax) return fail(syntax_error("too many nested parentheses", peek().line));
    Result<Node> node = ternary();
    --depth_;
    return node;
  }

  Result<Node> ternary() {
    const int line = peek().line;
    if (take_word("lambda")) {
      while (!peek().is(":")) {
        if (peek().kind == Token::Kind::kEnd) return fail(syntax());
        ++at_;
      }
      ++at_;
      SQ_TRY(const Node body, expression());
      return faulty("Lambda", line);
    }
    SQ_TRY(Node node, logical("or"));
    if (!take_word("if")) return node;
    SQ_TRY(const Node condition, logical("or"));
    if (!take_word("else")) return fail(syntax_error("expected 'else' after 'if' expression", line));
    SQ_TRY(const Node other, expression());
    return faulty("IfExp", line);
  }

  // `or` of `and` of `not`.
  Result<Node> logical(std::string_view word) {
    const auto operand = [&] { return word == "or" ? logical("and") : negation(); };
    const int line = peek().line;
    SQ_TRY(Node node, operand());
    while (take_word(word)) {
      SQ_TRY(const Node right, operand());
      node = faulty("BoolOp", line);
    }
    return node;
  }

  Result<Node> negation() {
    const int line = peek().line;
    if (!take_word("not")) return comparison();
    if (++depth_ > kNestingMax) return fail(syntax_error("too many nested parentheses", line));
    SQ_TRY(const Node operand, negation());
    --depth_;
    return faulty("UnaryOp", line);
  }

  bool take_comparison() {
    for (const std::string_view op : {"<", ">", "==", ">=", "<=", "!="}) {
      if (take(op)) return true;
    }
    if (take_word("in")) return true;
    if (peek().is_word("not") && peek(1).is_word("in")) {
      at_ += 2;
      return true;
    }
    if (!take_word("is")) return false;
    take_word("not");
    return true;
  }

  Result<Node> comparison() {
    const int line = peek().line;
    SQ_TRY(Node node, binary(0));
    while (take_comparison()) {
      SQ_TRY(const Node right, binary(0));
      node = faulty("Compare", line);
    }
    return node;
  }

  Result<Node> binary(size_t level) {
    if (level == kBinary.size()) return unary();
    const int line = peek().line;
    SQ_TRY(Node node, binary(level + 1));
    while (true) {
      const auto& operators = kBinary[level];
      const bool found =
          std::any_of(operators.begin(), operators.end(), [&](std::string_view op) { return !op.empty() && take(op); });
      if (!found) return node;
      SQ_TRY(const Node right, binary(level + 1));
      Node whole = faulty("BinOp", line);
      // "1+2j" is the one sum that is a literal.
      if (level == kAdditive) {
        if (auto fault = signed_number_fault(node)) {
          whole.fault = std::move(fault);
        } else if (auto right_fault = number_fault(right)) {
          whole.fault = std::move(right_fault);
        } else if (right.complex && !node.complex) {
          whole.fault = value_error("complex numbers are not supported");
        }
      }
      node = std::move(whole);
    }
  }

  Result<Node> unary() {
    const Token& token = peek();
    const int line = token.line;
    if (!token.is("+") && !token.is("-") && !token.is("~")) return power();
    const bool minus = token.is("-");
    const bool invert = token.is("~");
    ++at_;
    if (++depth_ > kNestingMax) return fail(syntax_error("too many nested parentheses", line));
    SQ_TRY(Node operand, unary());
    --depth_;
    if (invert) return faulty("UnaryOp", line);
    Node node{"UnaryOp", line};
    node.sign = true;
    node.fault = number_fault(operand);
    if (!node.fault) node.fault = operand.fault;
    if (!node.fault) node.value = minus ? negated(operand.value) : operand.value;
    return node;
  }

  Result<Node> power() {
    const int line = peek().line;
    SQ_TRY(Node base, primary());
    if (!take("**")) return base;
    SQ_TRY(const Node exponent, unary());
    return faulty("BinOp", line);
  }

  Result<Node> primary() {
    const int line = peek().line;
    const Token& first = peek();
    SQ_TRY(Node node, atom());
    while (true) {
      if (take(".")) {
        if (peek().kind != Token::Kind::kName || is_keyword(peek().text)) return fail(syntax());
        ++at_;
        node = faulty("Attribute", line);
      } else if (peek().is("(")) {
        const bool empty_set = node.kind == "Name" && first.is_word("set") && peek(1).is(")");
        ++at_;
        SQ_CHECK(arguments());
        node = faulty("Call", line);
        if (empty_set) {
          node.fault.reset();
          node.value = Value::set({});
        }
      } else if (take("[")) {
        SQ_CHECK(subscripts());
        node = faulty("Subscript", line);
      } else {
        return node;
      }
    }
  }

  // After '(' of a call.
  Status arguments() {
    while (!take(")")) {
      if (!take("*")) take("**");
      SQ_TRY(Node argument, expression());
      if (take("=")) {
        SQ_TRY(argument, expression());
      } else if (peek().is_word("for")) {
        SQ_CHECK(comprehension());
      }
      if (take(",") || peek().is(")")) continue;
      return fail(missing_separator(argument));
    }
    return {};
  }

  // After '[' of a subscript.
  Status subscripts() {
    if (peek().is("]")) return fail(syntax());
    while (!take("]")) {
      if (take(":") || take(",")) continue;
      SQ_TRY(const Node index, expression());
      if (!peek().is(":") && !peek().is(",") && !peek().is("]")) return fail(missing_separator(index));
    }
    return {};
  }

  // ("for" targets "in" expression ("if" expression)*)+
  Status comprehension() {
    while (take_word("for")) {
      do {
        if (peek().is_word("in")) break;
        SQ_TRY(const Node target, binary(0));
      } while (take(","));
      if (!take_word("in")) return fail(syntax());
      SQ_TRY(const Node source, logical("or"));
      while (take_word("if")) {
        SQ_TRY(const Node condition, logical("or"));
      }
    }
    return {};
  }

  Result<Node> atom() {
    const Token& token = peek();
    switch (token.kind) {
      case Token::Kind::kNumber: return number();
      case Token::Kind::kString: return strings();
      case Token::Kind::kName: return name();
      default: break;
    }
    if (token.is("(")) return parentheses();
    if (token.is("[")) return brackets("List", "ListComp", "]");
    if (token.is("{")) return braces();
    if (!token.is("...")) return fail(syntax());
    ++at_;
    Node node{"Constant", token.line};
    node.fault = value_error("Ellipsis is not supported");
    return node;
  }

  Result<Node> number() {
    const Token& token = tokens_[at_++];
    Node node{"Constant", token.line, token.value};
    node.number = true;
    node.complex = token.complex;
    if (token.complex) node.fault = value_error("complex numbers are not supported");
    return node;
  }

  // Strings side by side are one.
  Result<Node> strings() {
    const Token& first = peek();
    const bool bytes = first.value.kind() == Kind::kBytes;
    std::string text;
    bool formatted = false;
    for (; peek().kind == Token::Kind::kString; ++at_) {
      const Token& token = peek();
      if ((token.value.kind() == Kind::kBytes) != bytes) {
        return fail(syntax_error("cannot mix bytes and nonbytes literals", first.line));
      }
      formatted = formatted || token.formatted;
      if (!token.formatted) text += token.value.as_string();
    }
    if (formatted) return faulty("JoinedStr", first.line);
    return Node{"Constant", first.line, bytes ? Value::bytes(std::move(text)) : Value(std::move(text))};
  }

  Result<Node> name() {
    const Token& token = peek();
    if (token.text == "None" || token.text == "True" || token.text == "False") {
      ++at_;
      return Node{"Constant", token.line, token.text == "None" ? Value() : Value(token.text == "True")};
    }
    if (is_keyword(token.text)) return fail(syntax());
    ++at_;
    return faulty("Name", token.line);
  }

  static Node sequence(std::string_view kind, int line, std::vector<Node> items) {
    Node node{kind, line};
    List values;
    values.reserve(items.size());
    for (Node& item : items) {
      if (item.fault) {
        node.fault = std::move(item.fault);
        return node;
      }
      values.push_back(std::move(item.value));
    }
    if (kind == "Set") {
      make_set(node, std::move(values));
    } else {
      node.value = kind == "List" ? Value(std::move(values)) : Value::tuple(std::move(values));
    }
    return node;
  }

  static void make_set(Node& node, List values) {
    List distinct;
    for (Value& value : values) {
      if (node.fault = hash_fault(value); node.fault) return;
      const bool known =
          std::any_of(distinct.begin(), distinct.end(), [&](const Value& other) { return equal(other, value); });
      if (!known) distinct.push_back(std::move(value));
    }
    node.value = Value::set(std::move(distinct));
  }

  // A set refuses to be asked for what cannot be hashed, with the message we need.
  static std::optional<Error> hash_fault(const Value& value) {
    const Result<bool> asked = in(value, Value::empty_dict());
    return asked ? std::nullopt : std::optional(asked.error());
  }

  // One element of a list, tuple or set: "*x" is allowed by the grammar.
  Result<Node> element() {
    const int line = peek().line;
    if (!take("*")) return expression();
    SQ_TRY(const Node inner, binary(0));
    return faulty("Starred", line);
  }

  // From the second element on, up to and with the closing bracket.
  Status more_elements(std::vector<Node>& items, std::string_view closing) {
    while (!take(closing)) {
      if (!take(",")) return fail(missing_separator(items.back()));
      if (take(closing)) return {};
      SQ_TRY(Node item, element());
      items.push_back(std::move(item));
    }
    return {};
  }

  Result<Node> brackets(std::string_view kind, std::string_view comprehension_kind, std::string_view closing) {
    const int line = tokens_[at_++].line;
    if (take(closing)) return sequence(kind, line, {});
    SQ_TRY(Node first, element());
    return after_first(std::move(first), line, kind, comprehension_kind, closing);
  }

  Result<Node> after_first(Node first, int line, std::string_view kind, std::string_view comprehension_kind,
                           std::string_view closing) {
    if (peek().is_word("for")) {
      SQ_CHECK(comprehension());
      if (!take(closing)) return fail(syntax());
      return faulty(comprehension_kind, line);
    }
    std::vector<Node> items;
    items.push_back(std::move(first));
    SQ_CHECK(more_elements(items, closing));
    return sequence(kind, line, std::move(items));
  }

  // "(1)" is no tuple, "(1,)" is one.
  Result<Node> parentheses() {
    const int line = peek().line;
    ++at_;
    if (take(")")) return sequence("Tuple", line, {});
    SQ_TRY(Node first, element());
    if (first.kind != "Starred" && take(")")) return first;
    return after_first(std::move(first), line, "Tuple", "GeneratorExp", ")");
  }

  Result<Node> braces() {
    const int line = tokens_[at_++].line;
    if (take("}")) return Node{"Dict", line, Value::empty_dict()};
    if (peek().is("**")) return dict(line, std::nullopt);
    SQ_TRY(Node first, element());
    if (peek().is(":")) return dict(line, std::move(first));
    return after_first(std::move(first), line, "Set", "SetComp", "}");
  }

  // `key`: the first key, already read; none when the dict begins with "**".
  Result<Node> dict(int line, std::optional<Node> key) {
    Node node{"Dict", line};
    Dict members;
    while (true) {
      if (!key && take("**")) {
        SQ_TRY(const Node inner, binary(0));
        if (!node.fault) node.fault = value_error("malformed node or string: None");
      } else {
        if (!key) {
          SQ_TRY(key, expression());
        }
        if (!take(":")) return fail(key_without_value());
        if (peek().is("}") || peek().is(",")) {
          return fail(syntax_error("expression expected after dictionary key and ':'", tokens_[at_ - 1].line));
        }
        SQ_TRY(Node value, expression());
        if (peek().is_word("for")) {
          SQ_CHECK(comprehension());
          if (!take("}")) return fail(syntax());
          return faulty("DictComp", line);
        }
        if (!take(",") && !peek().is("}")) return fail(missing_separator(value));
        if (!node.fault) node.fault = add_member(members, *key, std::move(value));
        key.reset();
        if (take("}")) break;
        continue;
      }
      take(",");
      if (take("}")) break;
    }
    if (!node.fault) node.value = Value(std::move(members));
    return node;
  }

  Error key_without_value() const {
    return peek().is("}") || peek().is(",") ? syntax_error("':' expected after dictionary key", tokens_[at_ - 1].line)
                                            : syntax();
  }

  // Our dicts have text keys only: others are kept as their str().
  static std::optional<Error> add_member(Dict& members, const Node& key, Node value) {
    if (key.fault) return key.fault;
    if (value.fault) return value.fault;
    if (auto fault = hash_fault(key.value)) return fault;
    members.set(str(key.value), std::move(value.value));
    return std::nullopt;
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Value> literal_eval(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  if (text.empty()) return fail(syntax_error("invalid syntax", 0));
  if (text.find('\0') != std::string_view::npos) {
    return fail(Error(ErrorCode::kInvalid, "source code string cannot contain null bytes").with_type("SyntaxError"));
  }
  SQ_TRY(std::vector<Token> tokens, tokenize(text));
  return Parser(std::move(tokens)).run();
}

}  // namespace squall::python
