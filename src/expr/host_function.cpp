#include "expr/host_function.hpp"

#include <algorithm>
#include <optional>

#include "expr/python/errors.hpp"

namespace squall::expr {

HostFunction::HostFunction(std::string name, std::vector<HostParameter> parameters, Body body)
    : name_(std::move(name)), parameters_(std::move(parameters)), body_(std::move(body)) {}

namespace {

// "'a'", "'a' and 'b'", "'a', 'b', and 'c'".
std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += names.size() > 2 ? ", " : " ";
    if (i > 0 && i + 1 == names.size()) out += "and ";
    out += "'" + names[i] + "'";
  }
  return out;
}

}  // namespace

Result<Value> HostFunction::call(const List& arguments, const Dict& keyword_arguments) const {
  std::vector<std::optional<Value>> bound(parameters_.size());
  if (arguments.size() > parameters_.size()) {
    const auto required = static_cast<size_t>(
        std::count_if(parameters_.begin(), parameters_.end(), [](const HostParameter& p) { return p.required; }));
    const std::string takes = required == parameters_.size()
                                  ? std::to_string(required)
                                  : "from " + std::to_string(required) + " to " + std::to_string(parameters_.size());
    return py::type_error(name_ + "() takes " + takes + " positional argument" + (parameters_.size() == 1 ? "" : "s") +
                          " but " + std::to_string(arguments.size()) +
                          (arguments.size() == 1 ? " was given" : " were given"));
  }
  for (size_t i = 0; i < arguments.size(); ++i) bound[i] = arguments[i];
  for (const auto& [name, value] : keyword_arguments) {
    const auto at = std::find_if(parameters_.begin(), parameters_.end(),
                                 [&name = name](const HostParameter& parameter) { return parameter.name == name; });
    if (at == parameters_.end()) return py::type_error(name_ + "() got an unexpected keyword argument '" + name + "'");
    auto& slot = bound[static_cast<size_t>(at - parameters_.begin())];
    if (slot) return py::type_error(name_ + "() got multiple values for argument '" + name + "'");
    slot = value;
  }
  List all;
  std::vector<std::string> missing;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!bound[i] && parameters_[i].required) missing.push_back(parameters_[i].name);
    all.push_back(bound[i] ? *bound[i] : parameters_[i].fallback);
  }
  if (!missing.empty()) {
    return py::type_error(name_ + "() missing " + std::to_string(missing.size()) + " required positional argument" +
                          (missing.size() == 1 ? "" : "s") + ": " + listed(missing));
  }
  return body_(all);
}

}  // namespace squall::expr
