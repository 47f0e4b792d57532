#include "workflow/orquesta/contexts.hpp"

#include <algorithm>
#include <utility>

namespace squall::workflow::orquesta {

// Without recursion, which a long list would not survive.
ContextList::Node::~Node() {
  std::shared_ptr<const Node> next = std::move(before);
  while (next != nullptr && next.use_count() == 1) {
    next = std::move(const_cast<Node&>(*next).before);
  }
}

ContextList ContextList::of(const std::vector<uint32_t>& numbers) { return ContextList().with(numbers); }

ContextList ContextList::with(uint32_t number) const {
  return ContextList(std::make_shared<const Node>(last_, number));
}

ContextList ContextList::with(const std::vector<uint32_t>& numbers) const {
  ContextList list = *this;
  for (const uint32_t number : numbers) list = list.with(number);
  return list;
}

std::vector<uint32_t> ContextList::numbers() const {
  std::vector<uint32_t> numbers(size());
  size_t at = numbers.size();
  for (const Node* node = last_.get(); node != nullptr; node = node->before.get()) numbers[--at] = node->number;
  return numbers;
}

std::vector<uint32_t> ContextList::numbers_after_first() const {
  std::vector<uint32_t> later = numbers();
  const auto first = std::find(later.begin(), later.end(), 0U);
  if (first != later.end()) later.erase(first);
  return later;
}

Value merged(Value left, const Value& right) {
  if (!right.is_dict()) return left;
  if (left.empty() || left.same_storage(right)) return right;
  for (const auto& [key, value] : right.as_dict()) {
    Value* known = left.mut_dict().find_mutable(key);
    if (known == nullptr) {
      left.set(key, value);
    } else if (known->is_dict() && value.is_dict()) {
      *known = merged(std::move(*known), value);
    } else {
      *known = value;
    }
  }
  return left;
}

uint32_t Contexts::add(Value context) {
  contexts_.push_back(std::move(context));
  return static_cast<uint32_t>(contexts_.size() - 1);
}

Value Contexts::merge(const ContextList& list) const { return merge(Value::empty_dict(), list.numbers()); }

Value Contexts::merge(Value onto, const std::vector<uint32_t>& numbers) const {
  for (const uint32_t number : numbers) {
    if (number < contexts_.size()) onto = merged(std::move(onto), contexts_[number]);
  }
  return onto;
}

}  // namespace squall::workflow::orquesta
