#include "expr/expr.hpp"
#include "expr/python/errors.hpp"
#include "value/json.hpp"
#include "value/python.hpp"

namespace squall::expr {

namespace {

// Rendering leaves the text alone: no delimiter, and nothing that the lexer's newline rules would change.
bool is_plain(std::string_view text) {
  for (size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (next == '{' || next == '%' || next == '#') return false;
  }
  return !text.ends_with('\n') && text.find('\r') == std::string_view::npos;
}

Result<std::string> as_text(const Value& value) {
  if (value.is_string()) return value.string();
  if (value.is_list() || value.is_dict()) return write_json(value, JsonStyle());
  return python::str(value);
}

// `context`: the names as one dict, made when a template asks for it.
Result<std::string> render_text(const std::string& text, const Scope& scope, const RenderOptions& options) {
  SQ_TRY(const JinjaTemplate compiled, JinjaTemplate::compile_cached(text));
  for (const std::string& name : compiled.undeclared_variables()) {
    if (name != "__context" || scope.find(name) != nullptr) continue;
    Scope with_context;
    with_context.push(Value::dict({{"__context", scope.flattened()}}));
    for (const Value& layer : scope.layers()) with_context.push(layer);
    return compiled.render(with_context, options);
  }
  return compiled.render(scope, options);
}

Result<Value> render_member(std::string_view key, const Value& value, const Scope& scope, const RenderOptions& options,
                            RenderFailure* failure) {
  SQ_TRY(const std::string text, as_text(value));
  if (is_plain(text)) return value;
  auto rendered = render_text(text, scope, options);
  if (!rendered) {
    if (failure != nullptr) *failure = {std::string(key), text};
    return fail(std::move(rendered).error());
  }
  if (*rendered == text) return value;
  if (value.is_list() || value.is_dict()) return parse_json(*rendered);
  return Value(*std::move(rendered));
}

}  // namespace

Result<Value> render_values(const Value& mapping, const Scope& scope, const RenderOptions& options,
                            RenderFailure* failure) {
  if (!mapping.is_dict() || mapping.empty() || scope.empty()) return mapping;
  Value rendered = mapping;
  for (const auto& [key, value] : mapping.as_dict()) {
    SQ_TRY(Value now, render_member(key, value, scope, options, failure));
    if (!now.same_storage(value)) rendered.set(key, std::move(now));
  }
  return rendered;
}

Result<Value> render_value(const Value& value, const Scope& scope, const RenderOptions& options) {
  if (scope.empty()) return value;
  return render_member({}, value, scope, options, nullptr);
}

}  // namespace squall::expr
