// Regular expressions.
#include <optional>

#include "expr/python/text.hpp"
#include "expr/yaql/runtime.hpp"
#include "text/regex.hpp"

namespace squall::expr::yaql {

namespace {

constexpr uint64_t kSearchSteps = 10;         // what one search costs at least
constexpr uint64_t kStepsPerMicrosecond = 3;  // of a slow search

// Charges for the time that slow matches of a function took.
template <Result<Value> (*Function)(Call&)>
Result<Value> timed(Call& c) {
  const uint64_t before = regex_slow_microseconds();
  Result<Value> result = Function(c);
  SQ_CHECK(c.rt.charge((regex_slow_microseconds() - before) * kStepsPerMicrosecond));
  return result;
}

Result<const Regex*> pattern_of(Call& c, size_t index) {
  SQ_CHECK(c.rt.charge(kSearchSteps));
  return &as<Pattern>(c[index])->regex;
}

// Python calls this class re.error; its name alone is "error".
template <typename T>
Result<T> renamed(Result<T> result) {
  if (!result && result.error().type() == "re.error") return fail(result.error().with_type("error"));
  return result;
}

Result<Value> regex(Call& c) {
  const RegexFlags flags{.ignore_case = c.truth(1), .multi_line = c.truth(2), .dot_all = c.truth(3)};
  SQ_CHECK(c.rt.charge(kSearchSteps));
  SQ_TRY(Regex compiled, renamed(Regex::compile_cached(c.text(0), flags)));
  return make<Pattern>(std::move(compiled), flags);
}

template <size_t Text, size_t Regexp, bool Wanted>
Result<Value> found(Call& c) {
  SQ_TRY(const Regex* compiled, pattern_of(c, Regexp));
  SQ_TRY(const auto match, compiled->search(c.text(Text)));
  return Value(match.has_value() == Wanted);
}

template <bool Wanted>
Result<Value> found_text(Call& c) {
  SQ_CHECK(c.rt.charge(kSearchSteps));
  SQ_TRY(const Regex compiled, renamed(Regex::compile_cached(c.text(1))));
  SQ_TRY(const auto match, compiled.search(c.text(0)));
  return Value(match.has_value() == Wanted);
}

size_t characters(std::string_view text, size_t bytes) {
  const std::string_view head = text.substr(0, bytes);
  return py::is_ascii(head) ? bytes : py::decode(head).size();
}

Result<Value> record(Runtime& rt, std::string_view text, const RegexMatch& match, size_t group) {
  MapBuilder builder(rt);
  const bool has = match.has(group);
  SQ_CHECK(builder.set(Value("value"), has ? Value(match.group(text, group)) : Value()));
  SQ_CHECK(builder.set(Value("start"), has ? Value(characters(text, match.spans[group]->first)) : Value(-1)));
  SQ_CHECK(builder.set(Value("end"), has ? Value(characters(text, match.spans[group]->second)) : Value(-1)));
  return builder.finish(false);
}

// $1 is the whole match, $2 the first group, ... Named groups are yaql's bug: it takes the two characters of a group's
// text for a name and a value, and fails on every other text.
Status publish(Runtime& rt, Context& context, const Regex& regex, std::string_view text, const RegexMatch& match) {
  for (size_t group = 0; group <= regex.group_count(); ++group) {
    SQ_TRY(Value made, record(rt, text, match, group));
    context.set(std::to_string(group + 1), std::move(made));
  }
  for (const auto& [name, group] : regex.group_names()) {
    if (!match.has(group)) return py::type_error("cannot unpack non-iterable NoneType object");
    const size_t size = py::decode(match.group(text, group)).size();
    if (size == 2) return py::raise("IndexError", "no such group");
    if (size > 2) return py::value_error("too many values to unpack (expected 2)");
    return py::value_error("not enough values to unpack (expected 2, got " + std::to_string(size) + ")");
  }
  return {};
}

Result<Value> search(Call& c) {
  SQ_TRY(const Regex* compiled, pattern_of(c, 0));
  SQ_TRY(const auto match, compiled->search(c.text(1)));
  if (!match) return Value();
  const auto selector = c.lambda(2);
  if (selector == nullptr) return Value(match->group(c.text(1), 0));
  const auto context = std::make_shared<Context>(c.context());
  SQ_CHECK(publish(c.rt, *context, *compiled, c.text(1), *match));
  return c.rt.call_lambda_in(*selector, context);
}

Result<Value> search_all(Call& c) {
  SQ_TRY(const Regex* compiled, pattern_of(c, 0));
  SQ_TRY(auto matches, compiled->find_all(c.text(1)));
  SQ_CHECK(c.rt.charge_elements(matches.size()));
  return make_iterator("generator:search_all",
                       [matches = std::move(matches), regex = *compiled, text = c[1], selector = c.lambda(2),
                        outer = c.context(), i = size_t{0}](Runtime& rt, Value& out) mutable -> Result<bool> {
                         if (i == matches.size()) return false;
                         const RegexMatch& match = matches[i++];
                         if (selector == nullptr) {
                           out = Value(match.group(text.as_string(), 0));
                           return true;
                         }
                         const auto context = std::make_shared<Context>(outer);
                         SQ_CHECK(publish(rt, *context, regex, text.as_string(), match));
                         SQ_TRY(out, rt.call_lambda_in(*selector, context));
                         return true;
                       });
}

// A negative limit means none at all, zero means no limit.
template <size_t Text, size_t Regexp>
Result<Value> split(Call& c) {
  SQ_TRY(const Regex* compiled, pattern_of(c, Regexp));
  SQ_TRY(const int64_t splits_max, c.integer(2));
  if (splits_max < 0) return make_list({c[Text]});
  SQ_TRY(const auto parts, compiled->split(c.text(Text), static_cast<size_t>(splits_max)));
  SQ_CHECK(c.rt.charge_elements(parts.size()));
  List items;
  for (const auto& part : parts) items.push_back(part ? Value(*part) : Value());
  return make_list(std::move(items));
}

template <size_t Text, size_t Regexp>
Result<Value> replace(Call& c) {
  SQ_TRY(const Regex* compiled, pattern_of(c, Regexp));
  SQ_TRY(const int64_t count, c.integer(3));
  if (count < 0) return c[Text];
  SQ_TRY(auto replaced, renamed(compiled->substitute(c.text(Text), c.text(2), static_cast<size_t>(count))));
  SQ_CHECK(c.rt.charge_text(replaced.first.size()));
  return Value(std::move(replaced.first));
}

template <size_t Text, size_t Regexp>
Result<Value> replace_by(Call& c) {
  SQ_TRY(const Regex* compiled, pattern_of(c, Regexp));
  SQ_TRY(const int64_t count, c.integer(3));
  if (count < 0) return c[Text];
  const std::string_view text = c.text(Text);
  SQ_TRY(const auto matches, compiled->find_all(text));
  const auto replacement = c.lambda(2);
  std::string out;
  size_t at = 0;
  size_t done = 0;
  size_t pieces = 0;  // of the join that makes the result
  std::optional<Error> not_text;
  for (const RegexMatch& match : matches) {
    if (count > 0 && done++ == static_cast<size_t>(count)) break;
    SQ_CHECK(c.rt.charge());
    SQ_CHECK(publish(c.rt, *c.context(), *compiled, text, match));
    SQ_TRY(const Value made, c.rt.call_lambda_in(*replacement, std::make_shared<Context>(c.context())));
    if (match.spans[0]->first > at) ++pieces;
    out += text.substr(at, match.spans[0]->first - at);
    at = match.spans[0]->second;
    if (Runtime::is_text(made)) {
      out += made.as_string();
    } else if (!made.is_null() && !not_text) {
      const std::string type(c.rt.type_name(made));
      not_text =
          py::type_error("sequence item " + std::to_string(pieces) + ": expected str instance, " + type + " found")
              .value();
    }
    if (!made.is_null()) ++pieces;
    if (out.size() > kTextBytesMax) break;
  }
  if (not_text) return fail(*not_text);
  out += text.substr(at);
  SQ_CHECK(c.rt.charge_text(out.size()));
  return Value(std::move(out));
}

Result<Value> escape(Call& c) { return Value(Regex::escape(c.text(0))); }
Result<Value> is_regex(Call& c) { return Value(as<Pattern>(c[0]) != nullptr); }

}  // namespace

std::span<const Definition> regex_functions() {
  static const Definition kFunctions[] = {
      {"regex pattern:str ignore_case:bool?=false multi_line:bool?=false dot_all:bool?=false", regex},
      {"matches regexp:regex string:str", timed<found<1, 0, true>>, Use::kMethod},
      {"matches string:str regexp:str", timed<found_text<true>>, Use::kMethod},
      {"#operator_=~ string:str regexp:regex", timed<found<0, 1, true>>},
      {"#operator_=~ string:str pattern:str", timed<found_text<true>>},
      {"#operator_!~ string:str regexp:regex", timed<found<0, 1, false>>},
      {"#operator_!~ string:str pattern:str", timed<found_text<false>>},
      {"search regexp:regex string:str selector:lambda=null", timed<search>, Use::kMethod},
      {"searchAll regexp:regex string:str selector:lambda=null", timed<search_all>, Use::kMethod},
      {"split regexp:regex string:str max_split:int=0", timed<split<1, 0>>, Use::kMethod},
      {"split string:str regexp:regex max_split:int=0", timed<split<0, 1>>, Use::kMethod},
      {"replace regexp:regex string:str repl:str count:int=0", timed<replace<1, 0>>, Use::kMethod},
      {"replace string:str regexp:regex repl:str count:int=0", timed<replace<0, 1>>, Use::kMethod},
      {"replaceBy regexp:regex string:str repl:lambda count:int=0", timed<replace_by<1, 0>>, Use::kMethod},
      {"replaceBy string:str regexp:regex repl:lambda count:int=0", timed<replace_by<0, 1>>, Use::kMethod},
      {"escapeRegex string:str", escape},
      {"isRegex value", is_regex},
  };
  return kFunctions;
}

}  // namespace squall::expr::yaql
