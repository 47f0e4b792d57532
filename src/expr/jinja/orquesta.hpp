// Jinja as Orquesta's workflows use it: expressions that keep the type of their result, and its functions.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "expr/expr.hpp"
#include "value/value.hpp"

namespace squall::expr::jinja {

// Functions of StackStorm that Orquesta knows by a second name.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOrquestaAliases = {
    {{"json_dump", "to_json_string"},
     {"json_parse", "from_json_string"},
     {"yaml_dump", "to_yaml_string"},
     {"yaml_parse", "from_yaml_string"}}};

// Names that every expression sees: the functions of Orquesta and of StackStorm. A dict, made once.
const Value& orquesta_names();

// A value of a render that plain data cannot express, as it leaves the render.
class ShownObject final : public Object {
 public:
  ShownObject(std::string type, std::string text, Value data)
      : type_(std::move(type)), text_(std::move(text)), data_(std::move(data)) {}
  std::string_view type_name() const override { return type_; }
  std::string repr() const override { return text_; }
  // What it is as data: the elements of a range, a view or a group; null when it is none.
  const Value& data() const { return data_; }

 private:
  std::string type_;
  std::string text_;
  Value data_;
};

struct Evaluated {
  Value value;       // plain data, but for ShownObject and Kind::kUndefined
  std::string text;  // Python's str() of it
};

// Environment.compile_expression(source) and its call, through a cache. A generator becomes a list. An undefined result
// is Kind::kUndefined: strict, except for the lenient kind that an inline if without else gives.
Result<Evaluated> evaluate_expression(std::string_view source, const Scope& scope);
// Environment.from_string(source).render().
Result<std::string> render_orquesta(std::string_view source, const Scope& scope);
// Environment.parse() and Parser.parse_expression(): syntax only, unknown filters pass.
Status check_template_syntax(std::string_view source);
Status check_expression_syntax(std::string_view source);
// A result that counts as "not there": Jinja's StrictUndefined.
bool is_strictly_undefined(const Value& value);
// What using an undefined result says: "'x' is undefined".
std::string undefined_message(const Value& value);

}  // namespace squall::expr::jinja
