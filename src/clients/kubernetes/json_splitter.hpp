// JsonSplitter: finds the documents in a stream of JSON objects that stand back to back.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace squall::kubernetes {

// Takes a body in pieces of any size. Only brackets and strings are looked at: whether a document is valid JSON is for its
// parser to say. Not thread-safe.
class JsonSplitter {
 public:
  explicit JsonSplitter(size_t document_bytes_max) : document_bytes_max_(document_bytes_max) {}

  // Calls `on_document` for every document that is complete now; the view is valid during the call only. kRemote when
  // something else than an object begins, kLimit when a document is longer than allowed; nothing may be fed after that.
  Status feed(std::string_view chunk, const std::function<void(std::string_view)>& on_document);
  // True when the last document is complete.
  bool at_boundary() const { return depth_ == 0; }

 private:
  const size_t document_bytes_max_;
  std::string partial_;  // of the document that has begun
  size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace squall::kubernetes
