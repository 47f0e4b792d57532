#include "expr/jinja/parser.hpp"

#include <algorithm>

#include "expr/jinja/ast_walk.hpp"
#include "expr/jinja/parser_impl.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

namespace {

std::string quoted(std::string_view text) { return python::repr(Value(text)); }

void note_special_names(MacroStmt& macro) {
  const auto uses = [&](std::string_view name) {
    const auto& names = macro.signature.names;
    return std::find(names.begin(), names.end(), name) == names.end() && loads_name(macro.body, name);
  };
  macro.uses_caller = uses("caller");
  macro.uses_kwargs = uses("kwargs");
  macro.uses_varargs = uses("varargs");
}

}  // namespace

Result<Body> parse(std::string_view source, Environment environment) {
  return Parser(tokenize_lazily(source), environment).parse_template();
}

Result<ExprPtr> parse_expression(std::string_view source, Environment environment, bool whole) {
  Tokens tokens = tokenize_lazily(source, true);
  if (tokens.mistake && tokens.tokens.size() == 1) {
    // Jinja reads the first token before it is ready to take the line out of a message again.
    const Error& error = *tokens.mistake;
    if (!whole) return fail(error);
    const std::string message = error.message() + "\n  line " + std::to_string(error.where().line);
    return fail(Error(error.code(), message, error.where()).with_type(error.type()));
  }
  return Parser(std::move(tokens), environment).parse_alone(whole);
}

Result<ExprPtr> Parser::parse_alone(bool whole) {
  SQ_TRY(ExprPtr expr, parse_expression());
  if (is(TokenKind::kError) || (whole && !is(TokenKind::kEof))) return fail_here("chunk after expression");
  return expr;
}

Result<Body> Parser::parse_template() { return subparse(nullptr); }

tl::unexpected<Error> Parser::fail_unknown_tag(std::optional<std::string> name, const Names* extra, Place place) const {
  std::vector<Names> stack = end_names_;
  if (extra != nullptr) stack.push_back(*extra);
  std::string message = name ? "Encountered unknown tag " + quoted(*name) + "." : "Unexpected end of template.";
  if (!stack.empty()) {
    std::string looking;
    for (const std::string_view end : stack.back()) looking += (looking.empty() ? "" : " or ") + quoted(end);
    const bool expected = name && std::any_of(stack.begin(), stack.end(), [&](const Names& names) {
                            return std::find(names.begin(), names.end(), *name) != names.end();
                          });
    message += expected
                   ? " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for " +
                         looking + "."
                   : " Jinja was looking for the following tags: " + looking + ".";
  }
  if (!tags_.empty()) message += " The innermost block that needs to be closed is " + quoted(tags_.back()) + ".";
  return fail_at(std::move(message), place);
}

Result<Body> Parser::subparse(const Names* end_names) {
  SQ_CHECK(enter());
  const DepthGuard guard(depth_);
  Body body;
  if (end_names != nullptr) end_names_.push_back(*end_names);
  while (!is(TokenKind::kEof)) {
    if (is(TokenKind::kError)) return fail_here({});
    const Place place = current().place;
    if (is(TokenKind::kData)) {
      body.push_back(std::make_unique<TextStmt>(place, next().text));
    } else if (skip_if(TokenKind::kVariableBegin)) {
      SQ_TRY(ExprPtr value, parse_tuple());
      const Place of_value = value->place;
      body.push_back(std::make_unique<OutputStmt>(of_value, std::move(value)));
      SQ_TRY([[maybe_unused]] const Token* end, expect(TokenKind::kVariableEnd));
    } else {
      next();  // the begin of a block
      if (end_names != nullptr && is(TokenKind::kName) &&
          std::find(end_names->begin(), end_names->end(), current().text) != end_names->end()) {
        break;
      }
      SQ_CHECK(parse_statement(body));
      SQ_TRY([[maybe_unused]] const Token* end, expect(TokenKind::kBlockEnd));
    }
  }
  if (end_names != nullptr) end_names_.pop_back();
  return body;
}

Result<Body> Parser::parse_statements(const Names& end_names, bool drop_needle) {
  skip_if(TokenKind::kColon);
  SQ_TRY([[maybe_unused]] const Token* begin, expect(TokenKind::kBlockEnd));
  SQ_TRY(Body body, subparse(&end_names));
  if (is(TokenKind::kEof)) return fail_unknown_tag(std::nullopt, &end_names, current().place);
  if (drop_needle) next();
  return body;
}

Status Parser::parse_statement(Body& out) {
  if (!is(TokenKind::kName)) return fail_here("tag name expected");
  const std::string tag = current().text;
  using Parse = Result<StmtPtr> (Parser::*)();
  static constexpr std::pair<std::string_view, Parse> kStatements[] = {
      {"for", &Parser::parse_for},
      {"if", &Parser::parse_if},
      {"set", &Parser::parse_set},
      {"with", &Parser::parse_with},
      {"block", &Parser::parse_block},
      {"macro", &Parser::parse_macro},
      {"call", &Parser::parse_call_block},
      {"filter", &Parser::parse_filter_block},
      {"include", &Parser::parse_load},
      {"import", &Parser::parse_load},
      {"from", &Parser::parse_load},
      {"extends", &Parser::parse_load},
      {"autoescape", &Parser::parse_autoescape},
  };
  if (tag == "print") return parse_print(out);
  for (const auto& [name, parse_it] : kStatements) {
    if (name != tag) continue;
    tags_.push_back(tag);
    SQ_TRY(StmtPtr statement, (this->*parse_it)());
    tags_.pop_back();
    out.push_back(std::move(statement));
    return {};
  }
  return fail_unknown_tag(tag, nullptr, current().place);
}

Result<StmtPtr> Parser::parse_set() {
  const Place place = next().place;
  SQ_TRY(ExprPtr target, parse_assign_target(true));
  if (skip_if(TokenKind::kAssign)) {
    SQ_TRY(ExprPtr value, parse_tuple());
    return std::make_unique<SetStmt>(place, std::move(target), std::move(value));
  }
  auto block = std::make_unique<SetBlockStmt>(place, std::move(target));
  SQ_TRY(block->filter, parse_filter(nullptr));
  SQ_TRY(block->body, parse_statements({"endset"}, true));
  return block;
}

Result<StmtPtr> Parser::parse_for() {
  auto loop = std::make_unique<ForStmt>(next().place);
  SQ_TRY(loop->target, parse_assign_target());
  SQ_TRY([[maybe_unused]] const Token* in, expect_name("in"));
  SQ_TRY(loop->iterable, parse_tuple({.with_condition = false}));
  if (skip_if_name("if")) {
    SQ_TRY(loop->test, parse_expression());
  }
  loop->recursive = skip_if_name("recursive");
  SQ_TRY(loop->body, parse_statements({"endfor", "else"}, false));
  if (next().text == "else") {
    SQ_TRY(loop->otherwise, parse_statements({"endfor"}, true));
  }
  return loop;
}

Result<StmtPtr> Parser::parse_if() {
  auto statement = std::make_unique<IfStmt>(next().place);
  while (true) {
    SQ_TRY(ExprPtr test, parse_tuple({.with_condition = false}));
    SQ_TRY(Body body, parse_statements({"elif", "else", "endif"}, false));
    statement->branches.emplace_back(std::move(test), std::move(body));
    const Token& token = next();
    if (token.text == "elif") continue;
    if (token.text == "else") {
      SQ_TRY(statement->otherwise, parse_statements({"endif"}, true));
    }
    return statement;
  }
}

Result<StmtPtr> Parser::parse_with() {
  auto with = std::make_unique<WithStmt>(next().place);
  while (!is(TokenKind::kBlockEnd)) {
    if (!with->bindings.empty()) {
      SQ_TRY([[maybe_unused]] const Token* comma, expect(TokenKind::kComma));
    }
    SQ_TRY(ExprPtr target, parse_assign_target());
    SQ_TRY([[maybe_unused]] const Token* assign, expect(TokenKind::kAssign));
    SQ_TRY(ExprPtr value, parse_expression());
    with->bindings.emplace_back(std::move(target), std::move(value));
  }
  SQ_TRY(with->body, parse_statements({"endwith"}, true));
  return with;
}

Result<StmtPtr> Parser::parse_autoescape() {
  auto statement = std::make_unique<AutoescapeStmt>(next().place);
  SQ_TRY(statement->enabled, parse_expression());
  SQ_TRY(statement->body, parse_statements({"endautoescape"}, true));
  return statement;
}

namespace {

bool is_blank(const Body& body) {
  return std::all_of(body.begin(), body.end(), [](const StmtPtr& part) {
    return part->kind == StmtKind::kText && py::strip(static_cast<const TextStmt&>(*part).text).empty();
  });
}

}  // namespace

Result<StmtPtr> Parser::parse_block() {
  const Place place = next().place;
  SQ_TRY(const Token* name, expect(TokenKind::kName));
  auto block = std::make_unique<BlockStmt>(place, name->text);
  skip_if_name("scoped");
  const bool required = skip_if_name("required");
  if (is(TokenKind::kSub)) {
    return fail_here(
        "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore "
        "instead.");
  }
  SQ_TRY(block->body, parse_statements({"endblock"}, true));
  if (required && !is_blank(block->body)) return fail_here("Required blocks can only contain comments or whitespace");
  skip_if_name(block->name);
  return block;
}

Status Parser::parse_import_names(LoadStmt& load) {
  const auto context_follows = [&] { return (is_name("with") || is_name("without")) && look().is_name("context"); };
  while (true) {
    if (!load.names.empty()) {
      SQ_TRY([[maybe_unused]] const Token* comma, expect(TokenKind::kComma));
    }
    if (context_follows()) return {};
    const Place place = current().place;
    SQ_TRY(std::string name, parse_assign_name());
    if (name.starts_with('_')) {
      return fail(syntax_error("names starting with an underline can not be imported", place)
                      .with_type("TemplateAssertionError"));
    }
    if (skip_if_name("as")) {
      SQ_TRY(name, parse_assign_name());
    }
    load.names.push_back(std::move(name));
    if (context_follows() || !is(TokenKind::kComma)) return {};
  }
}

Result<StmtPtr> Parser::parse_load() {
  const Token& tag = next();
  auto load = std::make_unique<LoadStmt>(tag.place);
  SQ_TRY(load->source, parse_expression());
  load->is_extends = tag.text == "extends";
  if (load->is_extends) return load;
  if (tag.text == "include" && is_name("ignore") && look().is_name("missing")) {
    next();
    next();
  }
  if (tag.text == "import") {
    SQ_TRY([[maybe_unused]] const Token* as, expect_name("as"));
    SQ_TRY(std::string name, parse_assign_name());
    load->names.push_back(std::move(name));
  }
  if (tag.text == "from") {
    SQ_TRY([[maybe_unused]] const Token* import, expect_name("import"));
    SQ_CHECK(parse_import_names(*load));
  }
  if ((is_name("with") || is_name("without")) && look().is_name("context")) {
    next();
    next();
  }
  return load;
}

Status Parser::parse_signature(MacroSignature& signature) {
  SQ_TRY([[maybe_unused]] const Token* begin, expect(TokenKind::kLParen));
  while (!is(TokenKind::kRParen)) {
    if (!signature.names.empty()) {
      SQ_TRY([[maybe_unused]] const Token* comma, expect(TokenKind::kComma));
    }
    SQ_TRY(std::string name, parse_assign_name());
    if (skip_if(TokenKind::kAssign)) {
      SQ_TRY(ExprPtr fallback, parse_expression());
      signature.defaults.push_back(std::move(fallback));
    } else if (!signature.defaults.empty()) {
      return fail_here("non-default argument follows default argument");
    }
    signature.names.push_back(std::move(name));
  }
  SQ_TRY([[maybe_unused]] const Token* end, expect(TokenKind::kRParen));
  return {};
}

Result<StmtPtr> Parser::parse_macro() {
  const Place place = next().place;
  SQ_TRY(std::string name, parse_assign_name());
  auto macro = std::make_unique<MacroStmt>(place, std::move(name));
  SQ_CHECK(parse_signature(macro->signature));
  SQ_TRY(macro->body, parse_statements({"endmacro"}, true));
  note_special_names(*macro);
  return macro;
}

Result<StmtPtr> Parser::parse_call_block() {
  const Place place = next().place;
  auto block = std::make_unique<CallBlockStmt>(place);
  block->caller = std::make_unique<MacroStmt>(place, "caller");
  block->caller->is_caller = true;
  if (is(TokenKind::kLParen)) SQ_CHECK(parse_signature(block->caller->signature));
  SQ_TRY(block->call, parse_expression());
  if (block->call->kind != ExprKind::kCall) return fail_at("expected call", place);
  SQ_TRY(block->caller->body, parse_statements({"endcall"}, true));
  note_special_names(*block->caller);
  return block;
}

Result<StmtPtr> Parser::parse_filter_block() {
  auto block = std::make_unique<FilterBlockStmt>(next().place);
  SQ_TRY(block->filter, parse_filter(nullptr, true));
  SQ_TRY(block->body, parse_statements({"endfilter"}, true));
  return block;
}

Status Parser::parse_print(Body& out) {
  next();
  for (bool first = true; !is(TokenKind::kBlockEnd); first = false) {
    if (!first) {
      SQ_TRY([[maybe_unused]] const Token* comma, expect(TokenKind::kComma));
    }
    SQ_TRY(ExprPtr value, parse_expression());
    const Place of_value = value->place;
    out.push_back(std::make_unique<OutputStmt>(of_value, std::move(value)));
  }
  return {};
}

}  // namespace squall::expr::jinja
