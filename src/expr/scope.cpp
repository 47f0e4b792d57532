#include <algorithm>

#include "expr/expr.hpp"

namespace squall::expr {

void Scope::push(Value names) {
  layers_.push_back(std::move(names));
  top_is_own_ = false;
}

void Scope::set(std::string_view name, Value value) {
  if (!top_is_own_) {
    push(Value::empty_dict());
    top_is_own_ = true;
  }
  layers_.back().set(name, std::move(value));
}

const Value* Scope::find(std::string_view name) const {
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    if (!layer->is_dict()) continue;
    if (const Value* found = layer->as_dict().find(name)) return found;
  }
  return nullptr;
}

bool Scope::empty() const {
  return std::all_of(layers_.begin(), layers_.end(), [](const Value& layer) { return layer.empty(); });
}

Value Scope::flattened() const {
  Value all = Value::empty_dict();
  for (const Value& layer : layers_) {
    if (!layer.is_dict()) continue;
    if (all.empty()) {
      all = layer;
      continue;
    }
    for (const auto& [name, value] : layer.as_dict()) all.set(name, value);
  }
  return all;
}

}  // namespace squall::expr
