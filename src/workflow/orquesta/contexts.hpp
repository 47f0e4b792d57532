// What a workflow's variables are on each way through it: a list of contexts, merged from left to right
// (orquesta.md section 6, "Context merge").
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "value/value.hpp"

namespace squall::workflow::orquesta {

// A list of numbers of contexts that shares its beginning with the lists it was made from: a sequence of ten thousand
// tasks needs ten thousand nodes, not fifty million numbers. Immutable.
class ContextList {
 public:
  ContextList() = default;
  static ContextList of(const std::vector<uint32_t>& numbers);

  ContextList with(uint32_t number) const;
  ContextList with(const std::vector<uint32_t>& numbers) const;

  std::vector<uint32_t> numbers() const;
  // Without the first 0: that is the context that every task begins with.
  std::vector<uint32_t> numbers_after_first() const;
  size_t size() const { return last_ == nullptr ? 0 : last_->size; }
  bool empty() const { return last_ == nullptr; }

 private:
  struct Node {
    Node(std::shared_ptr<const Node> before_, uint32_t number_)
        : before(std::move(before_)), number(number_), size(before == nullptr ? 1 : before->size + 1) {}
    ~Node();
    std::shared_ptr<const Node> before;
    uint32_t number;
    uint32_t size;
  };
  explicit ContextList(std::shared_ptr<const Node> last) : last_(std::move(last)) {}
  std::shared_ptr<const Node> last_;
};

// `right` over `left`: dicts are merged member by member at any depth, everything else is replaced.
Value merged(Value left, const Value& right);

// All contexts of a workflow and their merges.
class Contexts {
 public:
  uint32_t add(Value context);
  const std::vector<Value>& all() const { return contexts_; }
  // The merge of a whole list; a dict.
  Value merge(const ContextList& list) const;
  Value merge(Value onto, const std::vector<uint32_t>& numbers) const;

 private:
  std::vector<Value> contexts_;
};

}  // namespace squall::workflow::orquesta
