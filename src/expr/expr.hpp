// Expressions: templates of packs, evaluated without any access to the host.
//
// Pure: no clock, no I/O, no randomness beyond what the Scope brings along. Every evaluation has a fuel limit, so a
// template can neither hang nor fill the memory of the engine.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::expr {

// What a template sees: layers of names, later layers win. Values are shared, never copied.
class Scope {
 public:
  Scope() = default;
  explicit Scope(Value names) { push(std::move(names)); }
  // Adds a layer (a dict; null counts as an empty one) that shadows the ones before it.
  void push(Value names);
  // Adds or replaces one name on top.
  void set(std::string_view name, Value value);
  // Null pointer when the name is nowhere.
  const Value* find(std::string_view name) const;
  const std::vector<Value>& layers() const { return layers_; }
  // No name at all.
  bool empty() const;
  // All names in one dict.
  Value flattened() const;

 private:
  std::vector<Value> layers_;
  bool top_is_own_ = false;  // the last layer was made by set() and is shared with nobody
};

// A lazy name in a scope, e.g. st2kv.system: attribute and item access build up a key, and the look-up happens when the
// value is shown or used (expressions.md section 4, KeyValueLookup).
class LazyObject : public Object {
 public:
  // The member `name`; for a KeyValueLookup the longer key.
  virtual Result<Value> get(std::string_view name) const = 0;
  // str() of this object: the looked-up text.
  virtual Result<std::string> text() const = 0;
  // What is looked up, for messages: "st2kv.system.a.b".
  virtual std::string name() const { return std::string(type_name()); }
};

// A callable in a scope.
class Callable : public Object {
 public:
  std::string_view type_name() const override { return "function"; }
  virtual Result<Value> call(const List& arguments, const Dict& keyword_arguments) const = 0;
};

struct RenderOptions {
  // StrictUndefined (false) or plain Undefined (true).
  bool allow_undefined = false;
};

// What the filter use_none makes of null; casting turns it back (data_store_util's NONE_MAGIC_VALUE).
inline constexpr std::string_view kNoneMarker = "%*****__%NONE%__*****%";

// Templates that compile_cached() keeps.
inline constexpr size_t kTemplateCacheMax = 1024;

// Filters that a host adds, e.g. decrypt_kv. Given the piped value and the arguments as plain data; a LazyObject comes
// as itself.
using HostFilter = std::function<Result<Value>(const Value& input, const List& arguments)>;

// A compiled Jinja template in StackStorm's environment: sandboxed, trim_blocks, lstrip_blocks, StackStorm's filters.
// Immutable, copyable, thread-safe. Errors have jinja2's or Python's exception class as type() ("UndefinedError",
// "TemplateSyntaxError", "TypeError", ...) and a line.
class JinjaTemplate {
 public:
  static Result<JinjaTemplate> compile(std::string_view text);
  // As compile(), through a cache of the most recently used templates. Thread-safe.
  static Result<JinjaTemplate> compile_cached(std::string_view text);

  Result<std::string> render(const Scope& scope, const RenderOptions& options = {}) const;

  // jinja2.meta.find_undeclared_variables, sorted: the dependencies of a parameter.
  const std::vector<std::string>& undeclared_variables() const;

 private:
  struct Program;
  explicit JinjaTemplate(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

// Adds a filter for all templates of the process; to be called at start-up, before any template is compiled.
void register_host_filter(std::string_view name, HostFilter filter);

// True when StackStorm would treat the text as a template: it contains "{{" or "{%".
bool is_template(std::string_view text);

// Where render_values() failed: what StackStorm's messages name. Both empty when the result of a rendered container was
// no JSON any more.
struct RenderFailure {
  std::string key;
  std::string text;  // the template, for a container its JSON
};

// st2common.util.jinja.render_values (expressions.md section 4): every member is rendered as text; dicts and lists as
// JSON that is decoded again; what does not change keeps its type. So a number comes out as text, and inside a
// container
// "{{ list }}" is text too. The names in scope are also there as one dict, __context. Without any name in scope nothing
// is rendered. `failure`, when given, is filled in on an error.
Result<Value> render_values(const Value& mapping, const Scope& scope, const RenderOptions& options = {},
                            RenderFailure* failure = nullptr);
// The same for one value.
Result<Value> render_value(const Value& value, const Scope& scope, const RenderOptions& options = {});

}  // namespace squall::expr
