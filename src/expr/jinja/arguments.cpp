#include "expr/jinja/arguments.hpp"

#include "base/assert.hpp"
#include "base/strings.hpp"
#include "expr/jinja/runtime.hpp"
#include "expr/python/errors.hpp"
#include "expr/python/numbers.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

using py::type_error;

Signature::Signature(std::string_view line) {
  const size_t colon = line.find(':');
  function = std::string(line.substr(0, colon));
  is_builtin = function.find('.') != std::string::npos;
  is_c_function = function.ends_with('!');
  if (is_c_function) function.pop_back();
  for (const std::string& word : split(colon == std::string_view::npos ? "" : line.substr(colon + 1), ' ')) {
    if (word.empty()) continue;
    if (word == "*") {
      variadic = true;
    } else if (word.ends_with('~')) {
      ++implicit;
    } else {
      Parameter parameter;
      const size_t mark = word.find('?');
      parameter.name = word.substr(0, mark);
      parameter.optional = mark != std::string::npos;
      parameter.keyword = (!is_builtin && !is_c_function) || word.ends_with('=');
      if (!parameter.optional) {
        required_first = required_first && required == parameters.size();
        ++required;
      }
      parameters.push_back(std::move(parameter));
    }
  }
  SQ_ASSERT(parameters.size() <= kParametersMax);
}

const Value& Bound::operator[](size_t index) const {
  static const Value kNull;
  return value_or(index, kNull);
}

namespace {

std::string plural(size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

// "len() takes exactly one argument (2 given)", "gt expected 2 arguments, got 1".
tl::unexpected<Error> wrong_count(const Signature& signature, size_t given) {
  if (signature.parameters.size() == 1) {
    return type_error(signature.function + "() takes exactly one argument (" + std::to_string(given) + " given)");
  }
  return type_error(signature.function + " expected " + plural(signature.parameters.size(), "argument") + ", got " +
                    std::to_string(given));
}

tl::unexpected<Error> too_many(const Signature& signature, size_t given) {
  const size_t most = signature.parameters.size();
  if (signature.is_c_function) return wrong_count(signature, given);
  if (signature.is_builtin) {
    if (most == 0)
      return type_error(signature.function + "() takes no arguments (" + std::to_string(given) + " given)");
    const std::string name = signature.function.substr(signature.function.find('.') + 1);
    if (most == 1 && signature.required == 1) {
      return type_error(signature.function + "() takes exactly one argument (" + std::to_string(given) + " given)");
    }
    return type_error(name + " expected at most " + plural(most, "argument") + ", got " + std::to_string(given));
  }
  const size_t low = signature.required + signature.implicit;
  const size_t high = most + signature.implicit;
  given += signature.implicit;
  const std::string were = given == 1 ? " was given" : " were given";
  const std::string range = low == high ? plural(high, "positional argument")
                                        : "from " + std::to_string(low) + " to " + plural(high, "positional argument");
  return type_error(signature.function + "() takes " + range + " but " + std::to_string(given) + were);
}

tl::unexpected<Error> too_few(const Signature& signature, const std::vector<std::string>& missing, size_t given) {
  if (signature.is_builtin) {
    const std::string name = signature.function.substr(signature.function.find('.') + 1);
    if (signature.parameters.size() == 1) {
      return type_error(signature.function + "() takes exactly one argument (" + std::to_string(given) + " given)");
    }
    return type_error(name + " expected at least " + plural(signature.required, "argument") + ", got " +
                      std::to_string(given));
  }
  std::string names;
  for (size_t i = 0; i < missing.size(); ++i) {
    if (i > 0) names += i + 1 < missing.size() ? ", " : (missing.size() > 2 ? ", and " : " and ");
    names += "'" + missing[i] + "'";
  }
  return type_error(signature.function + "() missing " + plural(missing.size(), "required positional argument") + ": " +
                    names);
}

}  // namespace

Status bind(const Signature& signature, const Value* first, const CallArguments& arguments, Bound& bound) {
  const size_t count = signature.parameters.size();
  size_t position = 0;
  if (signature.is_c_function && !arguments.keyword.empty()) {
    const std::string module = count == 2 ? "_operator." : "";
    return type_error(module + signature.function + "() takes no keyword arguments");
  }
  if (first != nullptr && count > 0) bound.values_[position++] = first;
  for (const Value& value : arguments.positional) {
    if (position < count) {
      bound.values_[position++] = &value;
    } else if (signature.variadic) {
      bound.rest.push_back(value);
    } else {
      return too_many(signature, arguments.positional.size() + (first != nullptr ? 1 : 0));
    }
  }
  for (const auto& [name, value] : arguments.keyword) {
    size_t index = 0;
    while (index < count && (signature.parameters[index].name != name || !signature.parameters[index].keyword)) ++index;
    if (index == count) {
      if (!signature.variadic) {
        if (signature.is_builtin) return type_error(signature.function + "() takes no keyword arguments");
        return type_error(signature.function + "() got an unexpected keyword argument " + python::repr(Value(name)));
      }
      bound.keywords.set(name, value);
    } else if (bound.values_[index] != nullptr) {
      return type_error(signature.function + "() got multiple values for argument " + python::repr(Value(name)));
    } else {
      bound.values_[index] = &value;
    }
  }
  // What is required comes first.
  bool complete = true;
  for (size_t i = position; i < signature.required; ++i) complete = complete && bound.values_[i] != nullptr;
  if (complete && signature.required_first) return {};
  std::vector<std::string> missing;
  for (size_t i = 0; i < count; ++i) {
    if (bound.values_[i] == nullptr && !signature.parameters[i].optional)
      missing.push_back(signature.parameters[i].name);
  }
  if (!missing.empty() && signature.is_c_function) return wrong_count(signature, position);
  if (!missing.empty()) return too_few(signature, missing, arguments.positional.size());
  return {};
}

Result<int64_t> to_index(const Runtime& rt, const Value& value) {
  if (!py::is_integer(value)) {
    return type_error("'" + std::string(rt.type_name(value)) + "' object cannot be interpreted as an integer");
  }
  const auto index = py::to_int64(value);
  if (!index) return py::raise("OverflowError", "Python int too large to convert to C ssize_t");
  return *index;
}

}  // namespace squall::expr::jinja
