// Sorting by a comparison that can fail, in the order of comparisons that CPython makes: which of them fails first can
// be seen in the message.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/result.hpp"

namespace squall::expr::py {

// Up to this size CPython sorts by binary insertion alone.
inline constexpr size_t kInsertionSortMax = 63;

// Stable. `less(a, b)` gives Result<bool>.
template <typename T, typename Less>
Status insertion_sort(std::vector<T>& items, const Less& less) {
  if (items.size() < 2) return {};
  // The run at the start that is in order already, or strictly in the opposite one.
  size_t run = 2;
  SQ_TRY(const bool descending, less(items[1], items[0]));
  for (; run < items.size(); ++run) {
    SQ_TRY(const bool smaller, less(items[run], items[run - 1]));
    if (smaller != descending) break;
  }
  if (descending) std::reverse(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(run));
  for (size_t i = run; i < items.size(); ++i) {
    size_t low = 0;
    size_t high = i;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      SQ_TRY(const bool smaller, less(items[i], items[middle]));
      (smaller ? high : low) = smaller ? middle : middle + 1;
    }
    const auto begin = items.begin() + static_cast<std::ptrdiff_t>(low);
    const auto end = items.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(begin, end, end + 1);
  }
  return {};
}

// Stable, and safe with comparisons that fail or contradict themselves.
template <typename T, typename Less>
Status sort(std::vector<T>& items, const Less& less) {
  if (items.size() <= kInsertionSortMax) return insertion_sort(items, less);
  const auto middle = items.begin() + static_cast<std::ptrdiff_t>(items.size() / 2);
  std::vector<T> left(std::make_move_iterator(items.begin()), std::make_move_iterator(middle));
  std::vector<T> right(std::make_move_iterator(middle), std::make_move_iterator(items.end()));
  SQ_CHECK(sort(left, less));
  SQ_CHECK(sort(right, less));
  items.clear();
  size_t i = 0;
  size_t j = 0;
  while (i < left.size() && j < right.size()) {
    SQ_TRY(const bool smaller, less(right[j], left[i]));
    items.push_back(std::move(smaller ? right[j++] : left[i++]));
  }
  while (i < left.size()) items.push_back(std::move(left[i++]));
  while (j < right.size()) items.push_back(std::move(right[j++]));
  return {};
}

}  // namespace squall::expr::py
